// /openapi.json 中请求字段的中文说明，键为英文原文。

export default {
  "True: the answer has the result. False: the server immediately answers 202 with the address of a job.":
    "true：响应中包含结果。false：服务器立即返回 202 和任务的地址。",
  "The longest time that this request waits, in milliseconds. If not set, only the server's limits apply.":
    "此请求最长的等待时间，单位毫秒。未设置时只受服务器限制。",
  "Of this user's images, those with a higher priority are read first.": "同一用户的图片中，优先级较高的先识别。",
  "Like `timeout_ms`, but in seconds and with a higher maximum; meant for jobs.":
    "与 `timeout_ms` 相同，但单位为秒，上限更大，用于任务。",
  "Only for jobs: a signed message is posted there when the job ends.": "仅用于任务：任务结束时，向此地址发送一条签名消息。",
  "The pages of a document: numbers and ranges, separated by commas; `10-` means from page 10 on. Without it, all pages of a PDF, and the first one of a TIFF or GIF.":
    "文档的页码：数字和范围，用逗号分隔；`10-` 表示从第 10 页到最后一页。未设置时为 PDF 的所有页，以及 TIFF 或 GIF 的第一页。",
  "Pixels per inch at which pages of a PDF are drawn. A page that is one JPEG is read as it is, unless it has more than twice as many.":
    "渲染 PDF 页面时每英寸的像素数。整页为一张 JPEG 的页面按原图识别，除非其分辨率超过该值的两倍。",
  "The text that pages of a PDF have: `ocr` ignores it; `auto` takes it if it looks sound, and reads the page otherwise; `only` takes it in any case.":
    "PDF 页面自带的文本：`ocr` 忽略；`auto` 在文本看起来可靠时采用，否则识别页面；`only` 总是采用。",
  "The password of an encrypted PDF. It is not accepted in the query string.":
    "加密 PDF 的密码。不能放在查询字符串中。",
  "For the format ndjson: pages are sent in order, not as they are ready.":
    "用于 ndjson 格式：按页码顺序发送，而不是识别完立即发送。",
  "The limit for `det_limit_type`, in pixels. An image is enlarged to at most 16 times its pixels, or to 0.3 million pixels if that is more.":
    "`det_limit_type` 使用的边长，单位像素。图片放大后的像素数不超过原图的 16 倍或 30 万像素（取较大者）。",
  "`min`: enlarge small images for detection until the short side is `det_limit_side_len`. `max`: reduce large images until the long side is at most that. `auto`: like `min`, but also reduce large images as far as detection stays as good.":
    "`min`：检测前放大小图，直到短边达到 `det_limit_side_len`。`max`：缩小大图，直到长边不超过该值。`auto`：与 `min` 相同，并在不影响检测效果的范围内缩小大图。",
  "Probability above which a pixel counts as text.": "像素被视为文字的概率阈值。",
  "Minimum mean probability of a box.": "文字框内各像素为文字的概率，其平均值的下限。",
  "How far boxes are enlarged, relative to area / perimeter.": "文字框向外扩大的距离，以“面积 ÷ 周长”的倍数表示。",
  "The name of a model set of this server. The default reads if none is named.":
    "本服务器某个模型集的名称。未指定时使用默认模型集。",
  "Detect and rotate upside-down lines.": "检测并旋转上下颠倒的文本行。",
  "Lines with a lower confidence are left out.": "置信度低于此值的行不返回。",
  "The smallest parts in the result: lines, words or characters. The default is `word` for the formats `tsv`, `hocr`, `alto`, `pdf` and `pdfa`.":
    "结果的最小单位：行、词或字符。格式 `tsv`、`hocr`、`alto`、`pdf` 和 `pdfa` 的默认值为 `word`。",
  "Degrees by which the page must be rotated clockwise to be upright. `auto`: its lines decide, if `use_angle_cls` is true. `off`: the page is read as it lies.":
    "将页面转正所需的顺时针旋转角度。`auto`：如果 `use_angle_cls` 为 true，由文本行决定。`off`：按原样识别。",
  "What is done to the image before it is read: several of `denoise`, `stretch` (the contrast of the whole image), `clahe` (the contrast of each part) and `deskew`, separated by commas; in JSON also as a list.":
    "识别前对图片的处理：`denoise`（降噪）、`stretch`（拉伸整幅图片的对比度）、`clahe`（增强局部对比度）和 `deskew`（校正倾斜）中的若干项，用逗号分隔；JSON 中也可以是列表。",
  "False: do not look for lines; the whole image is one line.": "false：不检测文本行，整张图片视为一行。",
  "False: do not read the lines. They have no text, and the confidence of detection.":
    "false：不识别文字。各行没有文字，置信度为检测的置信度。",
  "The image as the form part `file`.": "图片，作为表单的 `file` 部分。",
  "The image in base64, with or without a `data:image/png;base64,` prefix. The standard and the URL-safe alphabet are accepted, line breaks and indentation.":
    "Base64 编码的图片，可带或不带 `data:image/png;base64,` 前缀。支持标准字母表和 URL 安全字母表，允许换行和缩进。",
  "Where the image is. Inferred from the other fields if not set.": "图片的来源。未设置时由其他字段推断。",
  "The path of an image on the server, inside one of its `filename_roots`.":
    "服务器上图片的路径，须位于 `filename_roots` 的某个目录中。",
  "The URL of an image on another server, from which this server fetches it. Only if the operator allows it (`image_urls.enabled`).":
    "其他服务器上图片的 URL，由本服务器下载。仅在管理员允许时可用（`image_urls.enabled`）。",
  "Your id for this request, 1 to 128 visible ASCII characters. The answer and the log repeat it. Any other value is replaced by a generated id.":
    "您为此请求指定的 ID，1 到 128 个可见 ASCII 字符，会出现在响应和日志中。其他值会被替换为自动生成的 ID。",
  "`no-cache` skips the cache lookup; the result is still stored.": "`no-cache` 表示不读取缓存；结果仍会存入缓存。",
  "A request that is repeated with the same key within 24 hours is answered as the first time, with the same job or result.":
    "24 小时内使用相同的 `Idempotency-Key` 重复请求，会得到与第一次相同的响应，即相同的任务或结果。",
  "ETags that the client has, or `*`.": "客户端已有的 ETag，或 `*`。",
  "The id of the job.": "任务的 ID。",
  "The id of the batch.": "批次的 ID。",
  "MD5 of the image's bytes, in hex.": "图片字节的 MD5，十六进制。",
  "The longest time to wait for the end of the job, in seconds.": "等待任务结束的最长时间，单位秒。",
  "The output format; `image`: the image as PNG, with the boxes drawn on it; `alto`: ALTO 4.4, XML; `markdown`: titles, paragraphs, lists and tables as Markdown; `ndjson`: a line of JSON for each page, sent as soon as it is read; `pdf`: the image or document as PDF, with the text invisibly over it; `pdfa`: the same as PDF/A-2b.":
    "输出格式；`image`：PNG 图片，画有文字框；`alto`：ALTO 4.4（XML）；`markdown`：Markdown 形式的标题、段落、列表和表格；`ndjson`：每页一行 JSON，识别完立即发送；`pdf`：图片或文档的 PDF，带有不可见的文字层；`pdfa`：同上，格式为 PDF/A-2b。",
  "The output format; `image`: the image as PNG, with the boxes drawn on it; `alto`: ALTO 4.4, XML; `markdown`: titles, paragraphs, lists and tables as Markdown; `ndjson`: a line of JSON for each page, sent as soon as it is read; `pdf`: the image or document as PDF, with the text invisibly over it; `pdfa`: the same as PDF/A-2b. By default as chosen for the job.":
    "输出格式；`image`：PNG 图片，画有文字框；`alto`：ALTO 4.4（XML）；`markdown`：Markdown 形式的标题、段落、列表和表格；`ndjson`：每页一行 JSON，识别完立即发送；`pdf`：图片或文档的 PDF，带有不可见的文字层；`pdfa`：同上，格式为 PDF/A-2b。默认与任务相同。",
  "The order of the lines: `layout` reads column by column, `raster` row by row across the whole page. The default is `raster` for the format legacy, `layout` for all others.":
    "行的顺序：`layout` 逐栏阅读，`raster` 在整页宽度上逐行阅读。legacy 格式默认为 `raster`，其他格式默认为 `layout`。",
  "The order of the lines: `layout` reads column by column, `raster` row by row across the whole page. The default is `raster` for the format legacy, `layout` for all others. By default as chosen for the job.":
    "行的顺序：`layout` 逐栏阅读，`raster` 在整页宽度上逐行阅读。legacy 格式默认为 `raster`，其他格式默认为 `layout`。默认与任务相同。",
  "How `data.text` and the format text join lines. `lines`: by line ends. `paragraphs`: without those in a paragraph. `rows`: by tabs if they are at the same height. `code`: with the blanks in front of them and between them.":
    "`data.text` 和 text 格式如何连接各行。`lines`：以换行符连接。`paragraphs`：段落内不换行。`rows`：位于同一水平线上的行以制表符连接。`code`：保留行首的缩进、同一水平线上各行之间的间距，以及上下行之间的空行。",
  "How `data.text` and the format text join lines. `lines`: by line ends. `paragraphs`: without those in a paragraph. `rows`: by tabs if they are at the same height. `code`: with the blanks in front of them and between them. By default as chosen for the job.":
    "`data.text` 和 text 格式如何连接各行。`lines`：以换行符连接。`paragraphs`：段落内不换行。`rows`：位于同一水平线上的行以制表符连接。`code`：保留行首的缩进、同一水平线上各行之间的间距，以及上下行之间的空行。默认与任务相同。",
  "Add the blocks of the page to the format json: paragraphs, titles, lists, tables.":
    "在 json 格式中加入页面的块：段落、标题、列表、表格。",
  "Add the blocks of the page to the format json: paragraphs, titles, lists, tables. By default as chosen for the job.":
    "在 json 格式中加入页面的块：段落、标题、列表、表格。默认与任务相同。",
  "Lines with a lower confidence are left out. By default as chosen for the job.":
    "置信度低于此值的行不返回。默认与任务相同。",
};
