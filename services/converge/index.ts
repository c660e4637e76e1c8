import { defineService } from "../define";
import { atBoot, enableServices, command, plainFile, script, scriptPath, unitFile } from "../parts/units";

/** MySQL's log is no journal: without logrotate it grows for ever. */
const packages = ["ca-certificates", "curl", "logrotate", "rclone"];

/** Brings a host to its role: runs the steps of all services, in the order of their phases, at every boot and after every failure. */
export const converge = defineService({
  name: "converge",
  install: () => ({
    packages,
    both: {
      files: atBoot(
        script("converge"),
        script("install-packages"),
        unitFile("webinfra-converge.service", __dirname, "converge.service"),
      ),
      steps: [
        {
          phase: "packages",
          name: "packages",
          doing: "installing packages",
          script: command(scriptPath("install-packages")),
        },
      ],
    },
    image: {
      files: [
        script("seal-image"),
        // What packages ask before they start a service: in an image they start none.
        { path: "/usr/sbin/policy-rc.d", content: "#!/bin/sh\nexit 101\n", mode: "0755" },
      ],
      steps: [
        {
          phase: "begin",
          name: "begin",
          doing: "noting which services there are",
          script: command(scriptPath("seal-image"), "begin"),
        },
        {
          phase: "seal",
          name: "seal",
          doing: "removing what machines must not share",
          script: command(scriptPath("seal-image"), "end"),
        },
      ],
    },
  }),
  view: () => ({}),
  render: () => ({
    files: [
      ...atBoot(script("define"), script("fetch-files")),
      script("enable-services"),
      // Its own bound is a tenth of the disk, of which containers share one.
      plainFile("/etc/systemd/journald.conf.d/webinfra.conf", "[Journal]\nSystemMaxUse=256M\n"),
      plainFile("/etc/sysusers.d/webinfra.conf", "u webinfra - webinfra\n"),
    ],
    steps: [
      {
        phase: "settle",
        name: "services",
        doing: "starting the services of packages",
        script: enableServices(packages),
      },
    ],
  }),
});
