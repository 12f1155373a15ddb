import type { TestFn } from 'ava';
import { proxyHttpContract } from './proxy-http-contract.ts';
import { proxyProcessContract } from './proxy-process-contract.ts';
import { proxyRequestContract } from './proxy-request-contract.ts';
import { proxyRestContract } from './proxy-rest-contract.ts';
import { proxyRestLifeContract } from './proxy-rest-life-contract.ts';
import type { ProxySubject } from './proxy-stage.ts';
import { proxyTcpContract } from './proxy-tcp-contract.ts';

/**
 * What every proxy must do (see Proxy): the same tests for HAProxy and for the one that comes with Holdfast. Each plays in a world of
 * its own, at ports of its own, so that they may run side by side.
 */
export function proxyContract(test: TestFn, subject: ProxySubject): void {
  proxyProcessContract(test, subject);
  proxyRequestContract(test, subject);
  proxyHttpContract(test, subject);
  proxyTcpContract(test, subject);
}

/** The same for rest links. */
export function proxyLinkContract(test: TestFn, subject: ProxySubject): void {
  proxyRestContract(test, subject);
  proxyRestLifeContract(test, subject);
}
