import { type SiteOutputs, WebInfrastructure } from "./api";

/** The site of the current stack. @param environment variables of this run; default: the process's */
export = (environment: Readonly<Record<string, string | undefined>> = process.env): SiteOutputs =>
  new WebInfrastructure("site", { directory: __dirname, environment }).outputs;
