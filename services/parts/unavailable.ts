import { fileText } from "../template";
import { HostFile } from "../contract";

/** The answer of a proxy that has no server left: a complete HTTP response. */
export function unavailable(): HostFile {
  const page = fileText(__dirname, "unavailable.html");
  const head = [
    "HTTP/1.0 503 Service Unavailable",
    "Content-Type: text/html; charset=utf-8",
    `Content-Length: ${String(Buffer.byteLength(page))}`,
    "Cache-Control: no-store",
    "Retry-After: 5",
    "Connection: close",
  ];
  return { path: "/etc/webinfra/503.http", content: `${head.join("\r\n")}\r\n\r\n${page}`, mode: "0644" };
}
