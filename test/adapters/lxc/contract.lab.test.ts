import test from 'ava';
import { adapterContract } from '../../contract/adapter-contract.ts';
import { containerContract } from '../../contract/container-contract.ts';
import { makeLxcWorld } from './lxc-world.ts';

adapterContract(test, { name: 'lxc', make: makeLxcWorld });
containerContract(test, { name: 'lxc', make: makeLxcWorld });
