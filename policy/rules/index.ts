/** All rules of the pack, in the order of docs/policies.md. */
import type { Rule } from "../rule";
import { allowedRegions } from "./allowed-regions";
import { allowedSizes } from "./allowed-sizes";
import { describedRules } from "./described-rules";
import { encryptedBuckets } from "./encrypted-buckets";
import { encryptedVolumes } from "./encrypted-volumes";
import { imdsv2 } from "./imdsv2";
import { ingressWebOnly } from "./ingress-web-only";
import { monthlyCost } from "./monthly-cost";
import { noWorldSsh } from "./no-world-ssh";
import { privateBuckets } from "./private-buckets";
import { privateGroups } from "./private-groups";
import { privateHosts } from "./private-hosts";
import { productionBackups } from "./production-backups";
import { productionBalancers } from "./production-balancers";
import { productionDatabases } from "./production-databases";
import { productionHttps } from "./production-https";
import { productionMonitoring } from "./production-monitoring";
import { protectedData } from "./protected-data";
import { requiredTags } from "./required-tags";
import { tlsOnlyBuckets } from "./tls-only-buckets";
import { userDataLimit } from "./user-data-limit";
import { userDataSecrets } from "./user-data-secrets";

export const rules: readonly Rule[] = [
  ingressWebOnly,
  noWorldSsh,
  privateHosts,
  privateGroups,
  describedRules,
  encryptedVolumes,
  encryptedBuckets,
  privateBuckets,
  tlsOnlyBuckets,
  imdsv2,
  userDataLimit,
  userDataSecrets,
  protectedData,
  requiredTags,
  productionBalancers,
  productionDatabases,
  productionHttps,
  productionBackups,
  productionMonitoring,
  allowedRegions,
  allowedSizes,
  monthlyCost,
];
