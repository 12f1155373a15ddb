import test, { type TestFn } from 'ava';
import { proxyLinkContract } from '../../../contract/proxy-contract.ts';
import { builtinSubject } from './builtin-world.ts';

// One after the other: each starts a process, and some measure time.
proxyLinkContract(test.serial as TestFn, builtinSubject);
