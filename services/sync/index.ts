import { settingsKey } from "../../core/protocol";
import { zone } from "../../topology/types";
import { ChannelView, Watch } from "../contract";
import { defineService } from "../define";
import { plainFile, shell, startUnits, unitFile } from "../parts/units";
import { render } from "../template";

/**
 * How often hosts look whether the channel changed, and pull it whole though nothing told so. Proxies are to send to a new machine at once; in a bucket
 * each look costs money.
 */
const pace = {
  directory: { seconds: 1, pullSeconds: 30 },
  directoryOfProxy: { seconds: 0.2, pullSeconds: 30 },
  bucket: { seconds: 5, pullSeconds: 60 },
} as const;

/** Groups that proxies send to, and the role of each one's machines. */
const groups = { web: "webServer", standby: "webServer", app: "appServer", db: "database" } as const;

interface SyncView {
  readonly host: string;
  readonly channel: ChannelView;
  readonly watches: readonly Watch[];
}

/** Pulls the channel, and tells those of what is new who watch it. */
export const sync = defineService<SyncView>({
  name: "sync",
  view: ({ host: { name }, place: { channel }, described: { watches } }) => ({ host: name, channel, watches }),
  render: ({ host, channel, watches }) => {
    const hasProxy = watches.some(({ kind }) => kind === "proxy");
    const own = settingsKey(host);
    const consumers = [
      ...watches.map((watch) =>
        watch.kind === "proxy"
          ? watch
          : { kind: "unit", document: watch.kind === "settings" ? own : watch.key, unit: watch.unit },
      ),
      { kind: "hosts", zone },
    ];
    const settings = {
      ...(channel.type === "directory"
        ? { directory: channel.path, ...(hasProxy ? pace.directoryOfProxy : pace.directory) }
        : pace.bucket),
      groups,
      own: [own],
      consumers,
    };
    return {
      files: [
        unitFile("webinfra-sync.service", __dirname, "sync.service"),
        // What a bucket is read with may be a secret, and is needed first.
        {
          path: "/etc/webinfra/rclone.conf",
          content: render(__dirname, "rclone.conf.liquid", { channel }),
          mode: "0600",
          boot: true,
        },
        plainFile("/etc/webinfra/sync.json", `${JSON.stringify(settings, null, 1)}\n`),
      ],
      steps: [
        {
          phase: "discover",
          name: "sync",
          doing: "beginning to follow the channel",
          script: shell(startUnits("webinfra-sync.service")),
        },
      ],
    };
  },
});
