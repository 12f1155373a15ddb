import test from 'ava';
import { proxyContract } from '../../../contract/proxy-contract.ts';
import { haproxySubject, isInstalled } from './haproxy-world.ts';

if (isInstalled) proxyContract(test, haproxySubject);
else test.skip('haproxy is not installed here', () => undefined);
