import { z } from "zod";
import { domainName, matching, oneOf, truth, whenSound, wholeNumber } from "../core/schema";
import { awsSchema } from "../platforms/aws/schema";
import { digitaloceanSchema } from "../platforms/digitalocean/schema";
import { imageSchema } from "../platforms/incus/schema";
import { networkSchema, platformNames, sshSchema } from "../platforms/schema";
import { appSchema } from "../services/app/schema";
import { balancingShape } from "../services/haproxy/schema";
import { mysqlSchema } from "../services/mysql/schema";
import { countsShape, placementShape } from "../topology/schema";
import { policySchema } from "./policy";

/**
 * The whole configuration of a stack, with all defaults, put together from what stands beside its owners. Every key stands under `webinfra:` in
 * `Pulumi.<stack>.yaml`. This file is pure: it describes and checks values, `load.ts` reads them.
 */
export const configSchema = z
  .strictObject({
    platform: oneOf(platformNames).meta({ description: "Where the hosts run." }),
    ...placementShape,
    ...balancingShape,
    domain: matching(domainName, "a domain name, such as www.foobar.com")
      .default("www.foobar.com")
      .meta({ description: "The site's name." }),
    ...countsShape,
    app: appSchema.prefault({}).meta({ description: "The application that the site serves." }),
    mysql: mysqlSchema.prefault({}).meta({ description: "The database servers." }),
    image: imageSchema.prefault({}).meta({ description: "The image that machines start from, on incus." }),
    network: networkSchema.prefault({}).meta({ description: "The private network of the hosts." }),
    aws: awsSchema.prefault({}).meta({ description: "What only the platform `aws` knows." }),
    digitalocean: digitaloceanSchema.prefault({}).meta({ description: "What only the platform `digitalocean` knows." }),
    ssh: sshSchema.optional().meta({ description: "Opens SSH on the clouds. Default: closed." }),
    production: truth.default(false).meta({
      description:
        "The stack is production: the policy pack holds it to two balancers, three databases, HTTPS, backups and monitoring.",
    }),
    policy: policySchema.prefault({}).meta({ description: "What the policy pack allows this stack." }),
    readyTimeoutSeconds: wholeNumber(10, 3600, "seconds")
      .default(600)
      .meta({ description: "Seconds that `up` waits for every new machine to be seen serving." }),
    secrets: z.unknown().optional().meta({
      description:
        "Secrets given by the user, set with `webinfra secrets set API_TOKEN`; read apart from the rest and kept secret.",
    }),
  })
  .superRefine(
    ({ platform, topology, hosts, primary, ssh }, context) => {
      const problem = (path: string, input: unknown, message: string) =>
        context.addIssue({ code: "custom", path: [path], input, message });
      if (platform === "incus" && ssh !== undefined) {
        problem(
          "ssh",
          ssh,
          "is used only on aws and digitalocean: on incus the command exec enters hosts; leave it out",
        );
      }
      if (topology === "custom") {
        if (!hosts) {
          problem("hosts", hosts, 'topology "custom" needs the list of hosts, each with a name and roles');
        }
        return;
      }
      const only = `is used only with topology "custom" (it is "${topology}")`;
      if (hosts) {
        problem("hosts", hosts, `${only}: set webinfra:topology to custom, or leave hosts out`);
      }
      if (primary !== undefined) {
        problem("primary", primary, `${only}: leave it out`);
      }
    },
    whenSound(["platform"], ["topology"], ["hosts"], ["primary"], ["ssh"]),
  );

/** A stack's configuration after checks and defaults. Holds no secret. */
export type Config = Omit<z.output<typeof configSchema>, "secrets">;
