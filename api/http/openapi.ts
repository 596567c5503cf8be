import { z } from "zod";
import type { ErrorCode } from "../../runtime/errors.ts";
import { eventShape } from "../operations/event-view.ts";
import { eventQuery } from "../operations/events.ts";
import { operations } from "../operations/list.ts";
import type { Operation } from "../operations/operation.ts";
import { readExamples, type Example, type Examples } from "./examples.ts";
import { anyCall, codesOf, commonProblems, problemSchema, problems } from "./openapi-problems.ts";
import { hoisted, toSchema, type Json, type ObjectSchema } from "./openapi-schema.ts";

/** The REST interface as OpenAPI 3.1, from the operations' definitions. docs/openapi.json is a copy, kept current by a test. */

export function openApiDocument(version: string, examples: Examples = readExamples()): Json {
  const paths: Record<string, Json> = { ...streamPath(), ...probePaths() };
  for (const operation of operations) {
    const path = operation.http.path.replaceAll(/:(\w+)/g, "{$1}");
    const method = operation.http.method.toLowerCase();
    paths[path] = { ...paths[path], [method]: describe(operation, examples[operation.name] ?? {}) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Rouse",
      version,
      summary: "Coordinates coding agents and wakes them when they have unread work.",
      description:
        "Identity comes from the token alone. Answers may gain fields without notice: ignore what you do not know. Unknown fields of a request are refused.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://127.0.0.1:7717", description: "The default of rouse up." }],
    security: [{ token: [] }],
    tags: tags.map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          bearerFormat: "JWT",
          description: "From `rouse token issue`, or handed to an agent that Rouse launched.",
        },
      },
      schemas: hoisted({ ...schemas(), Problem: problemSchema(), Event: toSchema(eventShape) }),
      responses: commonProblems(),
    },
  };
}

const tags = [
  ["thread", "What agents work with: threads and messages."],
  ["coordination", "Participants, wakes and agents."],
  ["operation", "Running the system: runtimes, evidence, failures, tokens."],
  ["node", "The process that answers."],
] as const;

function describe(operation: Operation, example: Example): Json {
  const { name, summary, guidance, readOnly, toolset, roles, http } = operation;
  const { properties, required } = inputOf(operation);
  const inPath = new Set([...http.path.matchAll(/:(\w+)/g)].map(([, field]) => field ?? ""));
  const others = Object.keys(properties).filter((field) => !inPath.has(field));
  const inQuery = http.method === "GET" ? others : [];
  const parameter = (field: string, place: "path" | "query"): Json => {
    const { description, ...schema } = properties[field] ?? {};
    const given = example.request?.[field];
    return {
      name: field,
      in: place,
      required: place === "path" || required.includes(field),
      ...(description === undefined ? {} : { description }),
      schema,
      ...(given === undefined ? {} : { example: given }),
    };
  };
  const parameters = [
    ...[...inPath].map((field) => parameter(field, "path")),
    ...inQuery.map((field) => parameter(field, "query")),
    ...(readOnly ? [] : [idempotencyHeader]),
  ];
  const may = `Roles: ${roles.join(", ")}.`;
  return {
    operationId: name,
    tags: [toolset],
    summary,
    description: guidance === undefined ? may : `${guidance} ${may}`,
    parameters,
    ...(http.method === "GET" ? {} : { requestBody: bodyOf(operation, example, inPath) }),
    responses: { 200: success(operation, example), ...problems(codesOf(operation), example.problem) },
    "x-roles": roles,
    "x-idempotent": readOnly || operation.idempotent,
  };
}

const idempotencyHeader: Json = {
  name: "Idempotency-Key",
  in: "header",
  required: false,
  description:
    "The same key with the same payload returns the first result, marked by `idempotency-replayed: true`; with another payload it is refused (`idempotency_conflict`).",
  schema: { type: "string", pattern: "^[\\x21-\\x7e]{1,128}$" },
  example: "4f0c2a9e-review-1",
};

function bodyOf(operation: Operation, { request = {} }: Example, inPath: ReadonlySet<string>): Json {
  const { properties, required } = inputOf(operation);
  const body = Object.fromEntries(Object.entries(request).filter(([field]) => !inPath.has(field)));
  const isRequired = required.some((field) => !inPath.has(field));
  return {
    required: isRequired,
    content: {
      "application/json": {
        schema: { $ref: `#/components/schemas/${schemaName(operation, "Request")}` },
        ...(Object.keys(properties).length === 0 ? {} : { example: body }),
      },
    },
  };
}

function success(operation: Operation, { response }: Example): Json {
  return {
    description: "Done.",
    headers: {
      "x-request-id": { schema: { type: "string" }, description: "Names the call in the node's log." },
      ...(operation.readOnly
        ? {}
        : {
            "idempotency-replayed": {
              schema: { const: "true" },
              description: "Only with an answer that an earlier call with the same key was given.",
            },
          }),
    },
    content: {
      "application/json": {
        schema: { $ref: `#/components/schemas/${schemaName(operation, "Result")}` },
        ...(response === undefined ? {} : { example: response }),
      },
    },
  };
}

function schemas(): Record<string, Json> {
  return Object.fromEntries(
    operations.flatMap((operation) => {
      const result = [schemaName(operation, "Result"), toSchema(operation.output)] as const;
      return operation.http.method === "GET"
        ? [result]
        : [[schemaName(operation, "Request"), requestSchema(operation)] as const, result];
    }),
  );
}

function requestSchema(operation: Operation): Json {
  const { properties, required, ...rest } = inputOf(operation);
  const inPath = new Set([...operation.http.path.matchAll(/:(\w+)/g)].map(([, field]) => field ?? ""));
  const kept = Object.entries(properties).filter(([field]) => !inPath.has(field));
  const needed = required.filter((field) => !inPath.has(field));
  return {
    ...rest,
    properties: Object.fromEntries(kept),
    ...(needed.length === 0 ? {} : { required: needed }),
  };
}

function schemaName({ name }: Operation, suffix: string): string {
  const words = name.split("_").map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return words.join("") + suffix;
}

function inputOf(operation: Operation): ObjectSchema {
  const schema = toSchema(operation.input);
  return { ...schema, properties: {}, required: [], ...schema };
}

function streamPath(): Record<string, Json> {
  const query = inputSchemaOf(z.strictObject(eventQuery));
  const parameters = Object.entries(query).map(([name, { description, ...schema }]) => ({
    ...{ name, in: "query", required: false, schema },
    ...(description === undefined ? {} : { description }),
  }));
  const last = {
    ...{ name: "Last-Event-ID", in: "header", required: false, schema: { type: "string" } },
    description: "Where to go on; wins over `after`. Without either the stream begins now.",
  };
  const codes: ErrorCode[] = [...anyCall, "thread_not_found", "not_a_participant"];
  return {
    "/v1/events": {
      get: {
        operationId: "follow_events",
        tags: ["thread"],
        summary: "What happens, as it happens: server-sent events that resume by Last-Event-ID.",
        description:
          "Each `data` is an Event, `event` its type, `id` its place. An `id` without data only moves the place. The last event of a stream is `stream.closed` with a `reason`: draining, too_slow, failed (reconnect), token_expired, token_revoked (get a token first). Participants see their own threads.",
        parameters: [...parameters, last],
        responses: {
          200: {
            description: "Goes on until one side ends it.",
            content: { "text/event-stream": { schema: { $ref: "#/components/schemas/Event" } } },
          },
          ...problems(codes),
        },
      },
    },
  };
}

function inputSchemaOf(shape: z.ZodType): Record<string, Json> {
  return (toSchema(shape) as ObjectSchema).properties;
}

function probePaths(): Record<string, Json> {
  return {
    "/health": probe("get_health", "Whether the process lives; also while it drains.", {
      200: jsonAnswer("It lives.", statusSchema("ok", "draining")),
      ...problems(["forbidden"]),
    }),
    "/ready": probe("get_readiness", "Whether calls are taken: not draining, and the database answers.", {
      200: jsonAnswer("Ready.", statusSchema("ready")),
      ...problems(["forbidden", "draining", "database_unavailable"]),
    }),
    "/v1/openapi.json": probe("get_openapi", "This document.", {
      200: jsonAnswer("OpenAPI 3.1.", { type: "object" }),
      ...problems(["forbidden", "draining"]),
    }),
  };
}

/** What is asked without a token. */
function probe(operationId: string, summary: string, responses: Json): Json {
  return { get: { operationId, tags: ["node"], summary, security: [], responses } };
}

function statusSchema(...values: string[]): Json {
  return { type: "object", properties: { status: { enum: values } }, required: ["status"] };
}

function jsonAnswer(description: string, schema: Json): Json {
  return { description, content: { "application/json": { schema } } };
}
