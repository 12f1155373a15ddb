import type { Catalog } from './entry.ts';

/** Codes of rules that lead nowhere (ING-4): findings when a revision is read, and conflicts of the listeners that lack something by them. */
export const listenerCodes = {
  ServiceNotFound: {
    severity: 'warning',
    title: 'No container provides the service that an ingress rule names.',
    explanation:
      'The revision has no container of that name, or its services.json does not declare the service. The rule leads nowhere: http answers 503 for it, tcp is not listened for. All other rules serve (ING-4).',
    remedy: "Correct `provider` or `service`, or add the service to the provider's services.json.",
  },
  ProviderUnreachable: {
    severity: 'warning',
    title: 'The host cannot reach the service of an ingress rule.',
    explanation:
      'The service is at a port, and its provider has no address that the host gets to: no network, or one that its own LXC configuration makes. The rule leads nowhere; all others serve (ING-4).',
    remedy: 'Put the provider into a pool or into the network of the host, or give the service a `socket`.',
  },
} as const satisfies Catalog;

/** Codes of listeners that can't be had on this host (ENG-8). */
export const listenerConflictCodes = {
  PortTaken: {
    severity: 'conflict',
    title: 'Another process of the host listens on the port of an ingress rule.',
    explanation:
      'Taking the port away from it would break what it serves. The message names the process, where it can be found out; the listener waits until the port is free (ING-3).',
    remedy: 'Stop that process, or give the rule another port or address.',
  },
  AddressNotHere: {
    severity: 'conflict',
    title: 'An ingress rule is for an address that the host does not have.',
    explanation: 'Nothing can listen there; the listener waits until an interface has the address.',
    remedy: 'Correct the address in `external`, or leave it out to listen at every one.',
  },
  PortForbidden: {
    severity: 'conflict',
    title: 'The proxy may not listen on the port of an ingress rule.',
    explanation:
      'Ports below net.ipv4.ip_unprivileged_port_start, 1024 as a rule, are for root and for who has CAP_NET_BIND_SERVICE.',
    remedy: 'Run Holdfast as root, or give the rule a port from 1024 on.',
  },
} as const satisfies Catalog;

/** Codes of a proxy that does not serve what it was given: it serves what it served before, and is given it again (ENG-3). */
export const proxyFailureCodes = {
  ListenerFailed: {
    severity: 'failure',
    title: 'A listener could not be made, or looked at.',
    explanation:
      'Something that it needs of this host did not work; the message says what. It is tried again (ENG-3).',
    remedy:
      'Look at the message: a directory that cannot be written to, or a kernel that lacks something, is usual.',
  },
  ProxyFailed: {
    severity: 'failure',
    title: 'The proxy process did not start, or ended.',
    explanation:
      'It carries what the kernel cannot: http, sockets and IPv6. It is started again; the last lines that it said stand beside the message.',
    remedy: 'Look at these lines: too little memory or too few file descriptors is usual.',
  },
  ProxyConfigurationRefused: {
    severity: 'failure',
    title: 'HAProxy refused the configuration that was made for it.',
    explanation:
      'It was checked before use, so that what was served before still is. Either this version of HAProxy lacks something, or Holdfast is at fault.',
    remedy: 'Look at what HAProxy said; `run --proxy builtin` does without it. Report it.',
  },
} as const satisfies Catalog;
