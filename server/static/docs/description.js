// The description as data: references, operations, kinds of bodies, and types in words.

export class Description {
  constructor(document) {
    this.document = document;
    this.schemas = document.components.schemas;
  }

  // What a reference points at; anything else is itself.
  resolved(node) {
    if (!node?.$ref) return node;
    const names = node.$ref.slice(2).split("/");
    return names.reduce((found, name) => found[name], this.document);
  }

  // All operations but those that only repeat a GET as HEAD.
  operations() {
    const found = [];
    for (const [path, item] of Object.entries(this.document.paths)) {
      const shared = item.parameters ?? [];
      for (const [method, operation] of Object.entries(item)) {
        if (method === "parameters" || method === "head") continue;
        const parameters = [...shared, ...(operation.parameters ?? [])];
        found.push({
          ...operation,
          path,
          method: method.toUpperCase(),
          hasHead: "head" in item,
          parameters: parameters.map((each) => this.resolved(each)),
        });
      }
    }
    return found;
  }

  // The ways to send a body: a media type, and which image is in it where it is a form.
  bodyKinds(operation) {
    const kinds = [];
    for (const [mediaType, { schema, example }] of Object.entries(operation.requestBody?.content ?? {})) {
      for (const variant of schema.anyOf ?? [schema]) {
        const image = variant.required?.[0];
        const name = image ? `${mediaType}: ${image}` : mediaType;
        kinds.push({ name, mediaType, schema: variant, example, image });
      }
    }
    return kinds;
  }

  // Every status with its codes, by the answers that the errors share.
  errorCodes() {
    const meanings = this.codeMeanings();
    const found = [];
    for (const answer of Object.values(this.document.components.responses)) {
      const content = answer.content["application/json"];
      for (const [code, { value }] of Object.entries(content.examples)) {
        found.push({
          status: this.statusOf(answer),
          code,
          meaning: meanings[code] ?? "",
          message: value.error.message,
        });
      }
    }
    return found.sort((one, other) => one.status - other.status);
  }

  codeMeanings() {
    const lines = this.schemas.ErrorCode.description.matchAll(/^\* `(\w+)`: (.*)$/gm);
    return Object.fromEntries([...lines].map(([, code, meaning]) => [code, meaning]));
  }

  statusOf(answer) {
    return answer["x-status"];
  }
}

// The type of a schema in a few words, and the name of the schema that it leads to.
export function typeOf(schema) {
  if (!schema) return { words: "" };
  if (schema.$ref) return { words: nameOf(schema.$ref), leadsTo: nameOf(schema.$ref) };
  if (schema.const !== undefined) return { words: JSON.stringify(schema.const) };
  if (schema.anyOf?.[0]?.type === "boolean") return { words: "true, false" };
  const several = schema.anyOf ?? schema.allOf;
  if (several) {
    const types = several.map(typeOf);
    const leads = types.find((type) => type.leadsTo);
    return { words: [...new Set(types.map((type) => type.words))].join(" | "), ...leads && { leadsTo: leads.leadsTo } };
  }
  if (schema.enum) return { words: schema.enum.join(", ") };
  if (schema.type === "array" && schema.items) {
    const items = typeOf(schema.items);
    return { ...items, words: `${items.words}[]` };
  }
  return { words: [[schema.type ?? "any"].flat().join(" | "), limits(schema)].filter(Boolean).join(", ") };
}

function limits({ minimum, maximum, minLength, maxLength, format, pattern }) {
  if (minimum !== undefined && maximum !== undefined) return `${minimum} – ${maximum}`;
  if (minimum !== undefined) return `≥ ${minimum}`;
  if (maxLength !== undefined) return `${minLength ?? 0} – ${maxLength} characters`;
  return format ?? (pattern && `/${pattern}/`) ?? "";
}

function nameOf(reference) {
  return reference.split("/").pop();
}
