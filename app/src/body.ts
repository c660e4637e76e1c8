import type { IncomingMessage } from "node:http";

/** Largest request body, in bytes. */
export const BODY_LIMIT = 16 * 1024;
/** A larger body than this is not even read to its end. */
const PATIENCE_LIMIT = 1024 * 1024;

/** A request that the client must change; `status` is the HTTP status, the message says what would be right. */
export class BadRequest extends Error {
  public override readonly name = "BadRequest";

  public constructor(
    public readonly status: 400 | 403 | 413 | 415,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads a request's body as text of the given media type.
 *
 * @throws BadRequest 415 for another type, 413 for more than 16 KiB, 400 for what is not UTF-8
 */
export async function readText(request: IncomingMessage, mediaType: string): Promise<string> {
  const bytes = await readBytes(request);
  const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type !== mediaType) {
    throw new BadRequest(415, `content-type is ${JSON.stringify(type)}, it must be ${mediaType}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new BadRequest(400, "the body is not valid UTF-8, it must be");
  }
}

/** Reads it all before anything is judged: a connection closed on a body half read can lose the answer. */
async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const tooLarge = new BadRequest(413, `the body is larger than ${String(BODY_LIMIT)} bytes, send at most that much`);
  if (Number(request.headers["content-length"] ?? 0) > PATIENCE_LIMIT) {
    throw tooLarge;
  }
  const chunks: Buffer[] = [];
  let size = 0;
  await new Promise<void>((resolve, reject) => {
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BODY_LIMIT) {
        chunks.push(chunk);
      } else if (size > PATIENCE_LIMIT) {
        reject(tooLarge);
      }
    });
    request.on("end", resolve);
    request.on("error", reject);
  });
  if (size > BODY_LIMIT) {
    throw tooLarge;
  }
  return Buffer.concat(chunks);
}

/**
 * Reads a JSON object.
 *
 * @throws BadRequest as readText does, and 400 for what is no JSON object
 */
export async function readJsonObject(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(request, "application/json");
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BadRequest(
      400,
      'the body is not valid JSON, it must be an object such as {"name": "Ada", "message": "Hello"}',
    );
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new BadRequest(400, 'the body must be a JSON object such as {"name": "Ada", "message": "Hello"}');
  }
  return { ...value };
}

/**
 * Reads a form.
 *
 * @throws BadRequest as readText does
 */
export async function readForm(request: IncomingMessage): Promise<Readonly<Record<string, string>>> {
  const text = await readText(request, "application/x-www-form-urlencoded");
  return Object.fromEntries(new URLSearchParams(text));
}
