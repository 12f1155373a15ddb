import test, { type TestFn } from 'ava';
import { proxyLinkContract } from '../../../contract/proxy-contract.ts';
import { haproxySubject, isInstalled } from './haproxy-world.ts';

// One after the other: providers live in the process of the test, and have limits of time to keep.
if (isInstalled) proxyLinkContract(test.serial as TestFn, haproxySubject);
else test.skip('haproxy is not installed here', () => undefined);
