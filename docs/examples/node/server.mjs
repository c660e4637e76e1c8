import { createServer } from "node:http";

const { HOST, PORT, RELEASE, SERVER_NAME } = process.env;

createServer((request, response) => {
  response.setHeader("content-type", "text/plain; charset=utf-8");
  response.end(request.url === "/healthz" ? "ok\n" : `Hello from ${SERVER_NAME}, release ${RELEASE}\n`);
}).listen(Number(PORT), HOST, () => console.log(`listening on ${HOST}:${PORT}`));
