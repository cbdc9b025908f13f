// Texts of the page at /docs in both languages, except those of the OpenAPI document.

import { language, onLanguage } from "../shared/language.js";

export const DICTIONARIES = {
  en: {
    skip: "Skip to content",
    title: "HTTP API",
    loading: "Loading the API description…",
    failed: "Cannot load the API description. Check that the server is running.",
    again: "Try again",
    contents: "Contents",
    download: "Download the OpenAPI 3.1 description",
    errors: "Errors",
    errors_intro: "All errors have the same format. Codes are stable; messages may change.",
    schemas: "Schemas",
    tag_Recognition: "Recognition",
    tag_Jobs: "Jobs",
    tag_Documents: "Documents",
    tag_Batches: "Batches",
    tag_Results: "Results",
    tag_Usage: "Usage",
    tag_Keys: "Keys",
    tag_Storage: "Storage",
    tag_Models: "Models",
    tag_Health: "Health",
    tag_Pages: "Pages",
    parameters: "Parameters",
    request_body: "Request body",
    response_body: "Response body",
    responses: "Responses",
    headers: "Headers",
    example: "Example",
    name: "Name",
    location: "In",
    type: "Type",
    description: "Description",
    value: "Value",
    status: "Status",
    code: "Code",
    required: "required",
    default: "Default:",
    try: "Try it",
    not_set: "(not set)",
    body_type: "Body type",
    body_json: "JSON",
    image_file: "Image",
    insert_image: "Insert an image as Base64",
    curl: "curl command",
    copy: "Copy",
    send: "Send",
    sending: "Sending…",
    cancel: "Cancel",
    cancelled: "Cancelled.",
    response: "Response",
    response_time: "{status} in {time} ms",
    truncated: "Truncated: {n} more characters",
    no_body: "No body",
    no_response: "No response. Check that the server is running and reachable, then try again.",
    choose_file: "Choose an image first.",
    invalid_json: "Invalid JSON: {reason}",
    in_path: "path",
    in_query: "query",
    in_header: "header",
    in_body: "body",
  },
  zh: {
    skip: "跳到正文",
    title: "HTTP API",
    loading: "正在加载 API 说明…",
    failed: "无法加载 API 说明。请确认服务器正在运行。",
    again: "重试",
    contents: "目录",
    download: "下载 OpenAPI 3.1 描述文件（内容为英文）",
    errors: "错误",
    errors_intro: "所有错误响应的格式相同。错误码固定不变，错误消息可能会调整。",
    schemas: "数据结构",
    tag_Recognition: "识别",
    tag_Jobs: "异步任务",
    tag_Documents: "文档",
    tag_Batches: "批量任务",
    tag_Results: "结果",
    tag_Usage: "用量",
    tag_Keys: "密钥",
    tag_Storage: "对象存储",
    tag_Models: "模型",
    tag_Health: "健康检查",
    tag_Pages: "页面",
    parameters: "参数",
    request_body: "请求体",
    response_body: "响应体",
    responses: "响应",
    headers: "响应头",
    example: "示例",
    name: "名称",
    location: "位置",
    type: "类型",
    description: "说明",
    value: "值",
    status: "状态码",
    code: "错误码",
    required: "必填",
    default: "默认值：",
    try: "在线调试",
    not_set: "（未设置）",
    body_type: "请求体类型",
    body_json: "JSON",
    image_file: "图片",
    insert_image: "插入图片（Base64）",
    curl: "curl 命令",
    copy: "复制",
    send: "发送",
    sending: "正在发送…",
    cancel: "取消",
    cancelled: "已取消。",
    response: "响应",
    response_time: "{status}，耗时 {time} ms",
    truncated: "内容已截断，还有 {n} 个字符",
    no_body: "没有响应体",
    no_response: "没有收到响应。请确认服务器正在运行且可以连接，然后重试。",
    choose_file: "请先选择图片。",
    invalid_json: "JSON 格式错误：{reason}",
    in_path: "路径",
    in_query: "查询参数",
    in_header: "请求头",
    in_body: "请求体",
  },
};

// The text for a key in the current language; {name} is replaced by values.name.
export function translate(key, values = {}) {
  const dictionary = language().startsWith("zh") ? DICTIONARIES.zh : DICTIONARIES.en;
  return (dictionary[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));
}

export function hasText(key) {
  return key in DICTIONARIES.en;
}

// Sets an element's text, or its aria-label, now and on every language switch.
export function localize(target, key, attribute = null) {
  target.setAttribute(attribute ? "data-docs-name" : "data-docs-text", key);
  setText(target);
  return target;
}

export function localizeOnSwitch() {
  onLanguage(() => {
    for (const target of document.querySelectorAll("[data-docs-text], [data-docs-name]")) setText(target);
  });
}

function setText(target) {
  const { docsText, docsName } = target.dataset;
  if (docsText) target.textContent = translate(docsText);
  if (docsName) target.setAttribute("aria-label", translate(docsName));
}
