/** The guestbook application in this process, over entries in memory. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { loadAssets } from "../../app/src/assets";
import { type Entry, EntryConflict, type Guestbook, type Reading, type Written } from "../../app/src/guestbook";
import type { Log } from "../../app/src/log";
import { App } from "../../app/src/server";
import type { Draft } from "../../app/src/validation";

/** The token of every write. */
export const TOKEN = "33cf7919-e592-11f1-8b97-10666aba2321:12";

/** A guestbook in memory that fails on demand. */
export class MemoryGuestbook implements Guestbook {
  public readonly entries: Entry[] = [];
  public readonly tokens: (string | undefined)[] = [];
  public failure: Error | undefined;

  public list(token?: string): Promise<Reading> {
    this.tokens.push(token);
    return this.failure === undefined
      ? Promise.resolve({
          entries: [...this.entries].reverse(),
          database: "db-2",
          freshness: { kind: "replica", lagSeconds: 4.2 },
        })
      : Promise.reject(this.failure);
  }

  public add(draft: Draft): Promise<Written> {
    if (this.failure !== undefined) {
      return Promise.reject(this.failure);
    }
    const present = this.entries.find(({ id }) => id === draft.id);
    if (present !== undefined && (present.name !== draft.name || present.message !== draft.message)) {
      return Promise.reject(new EntryConflict("exists"));
    }
    const entry = present ?? { ...draft, createdAt: "2025-11-21T09:44:00.000Z" };
    if (present === undefined) {
      this.entries.push(entry);
    }
    return Promise.resolve({ entry, database: "db-1", token: TOKEN });
  }
}

/** An application that serves, and where. */
export interface ServedGuestbook {
  readonly app: App;
  /** Address without a path, e.g. `http://127.0.0.1:41234`. */
  readonly url: string;
  close(): void;
}

/** Serves a guestbook at a free port of the loopback address. */
export async function serveGuestbook(book: Guestbook, log: Log): Promise<ServedGuestbook> {
  const app = new App({
    guestbook: book,
    assets: loadAssets(join(__dirname, "../../app/src/static")),
    serverName: "web-1",
    release: "0123456789abcdef",
    log,
  });
  app.server.listen(0, "127.0.0.1");
  await once(app.server, "listening");
  const { port } = app.server.address() as AddressInfo;
  return {
    app,
    url: `http://127.0.0.1:${String(port)}`,
    close: () => {
      app.server.close();
      app.server.closeAllConnections();
    },
  };
}
