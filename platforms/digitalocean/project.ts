import * as digitalocean from "@pulumi/digitalocean";
import * as pulumi from "@pulumi/pulumi";
import { stackName } from "./names";

/** The stack's project, in which people see its objects together. */
export function stackProject(stack: string, production: boolean, parent: pulumi.Resource): digitalocean.Project {
  return new digitalocean.Project(
    "project",
    {
      name: stackName(stack),
      description: `The stack ${stack} of webinfra`,
      purpose: "Web Application",
      environment: production ? "Production" : "Staging",
    },
    // Its members are told by what makes them: see assign.
    { parent, ignoreChanges: ["resources"] },
  );
}

/** Puts objects, by DigitalOcean's own URNs, into the stack's project. */
export const assign = (
  name: string,
  project: digitalocean.Project,
  resources: pulumi.Input<string>[],
  parent: pulumi.Resource,
): digitalocean.ProjectResources =>
  new digitalocean.ProjectResources(name, { project: project.id, resources }, { parent });
