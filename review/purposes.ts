import { Topology } from "../topology/types";
import { Element, elementsOf, isPrimary } from "./graph";

/** What one kind of element is for, and where it stands. */
export interface Purpose {
  readonly element: string;
  readonly hosts: string[];
  readonly purpose: string;
}

interface Kind {
  readonly element: string;
  readonly is: (topology: Topology, element: Element) => boolean;
  readonly purpose: string;
}

const kinds: readonly Kind[] = [
  {
    element: "load balancer (HAProxy)",
    is: (_, { role }) => role === "loadBalancer",
    purpose:
      "takes every request and hands it to one of the web servers, so that none is overloaded and one that fails is left out",
  },
  {
    element: "web server (Nginx)",
    is: (_, { role }) => role === "webServer",
    purpose:
      "serves static files itself and passes everything else on to the application, whose processes stay free for it",
  },
  {
    element: "application server",
    is: (_, { role }) => role === "appServer",
    purpose: "runs the code of the site: it makes the pages from what the database holds",
  },
  {
    element: "application files",
    is: (_, { role }) => role === "webServer" || role === "appServer",
    purpose:
      "are the site's code and static files, one set on each of these hosts, so that each serves without the others",
  },
  {
    element: "database primary (MySQL)",
    is: isPrimary,
    purpose: "takes every write, and is where the replicas get the data from",
  },
  {
    element: "database replica (MySQL)",
    is: (topology, element) => element.role === "database" && !isPrimary(topology, element),
    purpose: "holds a copy of the primary's data, answers reads, and can be promoted when the primary is lost",
  },
  {
    element: "monitor",
    is: (_, { role }) => role === "monitor",
    purpose: "watches the other hosts and tells somebody when one fails",
  },
];

/** What each element of the topology is for, from the users inwards. */
export function purposes(topology: Topology): Purpose[] {
  const elements = elementsOf(topology);
  return kinds
    .map(({ element, is, purpose }) => ({
      element,
      hosts: [...new Set(elements.filter((one) => is(topology, one)).map(({ host }) => host))],
      purpose,
    }))
    .filter(({ hosts }) => hosts.length > 0);
}
