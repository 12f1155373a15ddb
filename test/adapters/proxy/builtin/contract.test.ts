import test, { type TestFn } from 'ava';
import { proxyContract } from '../../../contract/proxy-contract.ts';
import { builtinSubject } from './builtin-world.ts';

// One after the other: each starts a process, and some measure time.
proxyContract(test.serial as TestFn, builtinSubject);
