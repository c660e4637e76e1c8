/** Port where Nginx listens for the balancers. Not 80, so that a balancer can stand on the same host. */
export const webPort = 8080;
/** Loopback port of the local proxy's way from Nginx to the application. */
export const appProxyPort = 8081;
/** Private port of the application for other hosts' Nginx, where the topology spreads over all application servers. */
export const appTierPort = 8082;
/** Port where Nginx terminates TLS that balancers pass on. */
export const webTlsPort = 8443;
/** Port of the host agent's answers (`/state`, and on database hosts `/primary`, `/replica`, `/stale`). */
export const agentPort = 9000;
/** Ports where MySQL listens, and where the local proxy takes writes and reads to it. */
export const databasePort = 3306;
export const databaseReadPort = 3307;
/** Private port of the balancer's `/metrics` and statistics. */
export const balancerStatsPort = 8405;
