/** A port of this machine that leads to one of a host. */
import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { UserError } from "../core/errors";

/** A port that leads elsewhere. */
export interface Forwarding {
  /** Of 127.0.0.1. */
  readonly port: number;
  /** Ends it, with the connections that there are. */
  close(): Promise<void>;
}

/** Why a port cannot be listened on, in words for users. */
export function listenProblem(port: number, error: NodeJS.ErrnoException): Error {
  switch (error.code) {
    case "EADDRINUSE":
      return new UserError(
        `port ${String(port)} of 127.0.0.1 is in use: name another one, or none, for one that is free`,
      );
    case "EACCES":
      return new UserError(
        `port ${String(port)} of 127.0.0.1 is for root alone: name one above 1023, or none, for one that is free`,
      );
    default:
      return error;
  }
}

/**
 * Listens on 127.0.0.1 alone, and leads each connection on.
 * @param port 0: one that is free
 * @param connect makes a connection to the other end
 */
export async function forward(port: number, connect: () => Socket): Promise<Forwarding> {
  const open = new Set<Socket>();
  const lead = (from: Socket, to: Socket): void => {
    open.add(from);
    from.pipe(to);
    // Whoever ends one end, in whatever way, ends the other.
    from.on("error", () => to.destroy());
    from.on("close", () => {
      open.delete(from);
      to.destroy();
    });
  };
  const server = createServer((near) => {
    const far = connect();
    lead(near, far);
    lead(far, near);
  });
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch (error) {
    throw listenProblem(port, error as NodeJS.ErrnoException);
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, "close");
      server.close();
      open.forEach((socket) => socket.destroy());
      await closed;
    },
  };
}
