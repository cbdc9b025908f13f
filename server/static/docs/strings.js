// What the page at /docs says beside the description, in both languages.

import { language, onLanguage } from "../shared/language.js";

export const DICTIONARIES = {
  en: {
    skip: "Skip to the reference",
    title: "HTTP interface",
    loading: "Loading the description …",
    failed: "The description could not be loaded. Is the server running?",
    again: "Try again",
    contents: "Contents",
    download: "The description as OpenAPI 3.1",
    errors: "Errors",
    errors_told: "Every error has one shape. The code is stable, the message is for people.",
    schemas: "Schemas",
    tag_Recognition: "Recognition",
    tag_Jobs: "Jobs",
    tag_Results: "Results",
    tag_Health: "Health",
    tag_Pages: "Pages",
    parameters: "Parameters",
    body: "Body",
    answers: "Answers",
    headers: "Headers",
    example: "Example",
    name: "Name",
    place: "Where",
    type: "Type",
    meaning: "Meaning",
    status: "Status",
    code: "Code",
    required: "required",
    default: "default",
    try: "Try it",
    left_out: "(left out)",
    body_kind: "Body as",
    body_text: "JSON",
    image_file: "Image",
    image_into: "Put an image into it, as base64",
    curl: "The same with curl",
    copy: "Copy",
    send: "Send",
    sending: "Sending …",
    stop: "Stop",
    stopped: "Stopped.",
    answer: "Answer",
    answered: "{status} after {time} ms",
    shortened: "Shortened: {n} more characters",
    no_body: "No body",
    no_answer: "There was no answer: the server cannot be reached, or it closed the connection.",
    choose_file: "Choose an image first.",
    bad_json: "This is not JSON: {reason}",
    in_path: "path",
    in_query: "query",
    in_header: "header",
    in_body: "body",
  },
  zh: {
    skip: "跳到接口说明",
    title: "HTTP 接口",
    loading: "正在读取接口说明……",
    failed: "无法读取接口说明。服务器在运行吗？",
    again: "重试",
    contents: "目录",
    download: "OpenAPI 3.1 格式的接口说明",
    errors: "错误",
    errors_told: "所有错误的格式相同。错误码固定不变，消息供人阅读。",
    schemas: "数据结构",
    tag_Recognition: "识别",
    tag_Jobs: "任务",
    tag_Results: "结果",
    tag_Health: "运行状况",
    tag_Pages: "页面",
    parameters: "参数",
    body: "请求体",
    answers: "响应",
    headers: "响应头",
    example: "示例",
    name: "名称",
    place: "位置",
    type: "类型",
    meaning: "含义",
    status: "状态码",
    code: "错误码",
    required: "必填",
    default: "默认值",
    try: "试一试",
    left_out: "（不填）",
    body_kind: "请求体格式",
    body_text: "JSON",
    image_file: "图片",
    image_into: "以 base64 填入一张图片",
    curl: "等价的 curl 命令",
    copy: "复制",
    send: "发送",
    sending: "正在发送……",
    stop: "停止",
    stopped: "已停止。",
    answer: "响应",
    answered: "{status}，用时 {time} 毫秒",
    shortened: "已截断：还有 {n} 个字符",
    no_body: "没有响应体",
    no_answer: "没有收到响应：无法连接服务器，或者连接被服务器关闭。",
    choose_file: "请先选择一张图片。",
    bad_json: "这不是 JSON：{reason}",
    in_path: "路径",
    in_query: "查询",
    in_header: "请求头",
    in_body: "请求体",
  },
};

// A string in the language of the page; {name} stands for a value.
export function told(key, values = {}) {
  const dictionary = language().startsWith("zh") ? DICTIONARIES.zh : DICTIONARIES.en;
  return (dictionary[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

export function knows(key) {
  return key in DICTIONARIES.en;
}

// Keeps an element's text, or one of its attributes, in the language of the page.
export function inLanguage(place, key, attribute = null) {
  place.setAttribute(attribute ? "data-docs-name" : "data-docs-text", key);
  write(place);
  return place;
}

export function followLanguage() {
  onLanguage(() => {
    for (const place of document.querySelectorAll("[data-docs-text], [data-docs-name]")) write(place);
  });
}

function write(place) {
  const { docsText, docsName } = place.dataset;
  if (docsText) place.textContent = told(docsText);
  if (docsName) place.setAttribute("aria-label", told(docsName));
}
