// Wraps the OpenAPI document: resolves references; lists operations, request bodies, error codes and types.

export class Description {
  constructor(document) {
    this.document = document;
    this.schemas = document.components.schemas;
  }

  // The target of a reference, or the node itself if it is not a reference.
  resolved(node) {
    if (!node?.$ref) return node;
    const names = node.$ref.slice(2).split("/");
    return names.reduce((found, name) => found[name], this.document);
  }

  // All operations, except HEAD operations that mirror a GET.
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

  // The body types of an operation: one per media type and, for forms, per image field.
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

  // Every error code with its status and an example message, from the shared error responses.
  errorCodes() {
    const descriptions = this.codeDescriptions();
    const found = [];
    for (const answer of Object.values(this.document.components.responses)) {
      const content = answer.content["application/json"];
      for (const [code, { value }] of Object.entries(content.examples)) {
        found.push({
          status: this.statusOf(answer),
          code,
          description: descriptions[code] ?? "",
          message: value.error.message,
        });
      }
    }
    return found.sort((one, other) => one.status - other.status);
  }

  codeDescriptions() {
    const lines = this.schemas.ErrorCode.description.matchAll(/^\* `(\w+)`: (.*)$/gm);
    return Object.fromEntries([...lines].map(([, code, description]) => [code, description]));
  }

  statusOf(answer) {
    return answer["x-status"];
  }
}

// The type of a schema as text, and the name of the schema it refers to, if any.
export function typeOf(schema) {
  if (!schema) return { text: "" };
  if (schema.$ref) return { text: nameOf(schema.$ref), schemaName: nameOf(schema.$ref) };
  if (schema.const !== undefined) return { text: JSON.stringify(schema.const) };
  if (schema.anyOf?.[0]?.type === "boolean") return { text: "true, false" };
  const several = schema.anyOf ?? schema.allOf;
  if (several) {
    const types = several.map(typeOf);
    const named = types.find((type) => type.schemaName);
    return { text: [...new Set(types.map((type) => type.text))].join(" | "), ...named && { schemaName: named.schemaName } };
  }
  if (schema.enum) return { text: schema.enum.join(", ") };
  if (schema.type === "array" && schema.items) {
    const items = typeOf(schema.items);
    return { ...items, text: `${items.text}[]` };
  }
  return { text: [[schema.type ?? "any"].flat().join(" | "), limits(schema)].filter(Boolean).join(", ") };
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
