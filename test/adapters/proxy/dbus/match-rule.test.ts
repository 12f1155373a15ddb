import test from 'ava';
import { isSameRule, mayEavesdrop, parseMatchRule } from '../../../../adapters/proxy/dbus/match-rule.ts';

const read: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '': {},
  "type='signal'": { type: 'signal' },
  'type=signal,member=A': { type: 'signal', member: 'A' },
  "type='signal', arg0='a,b=c'": { type: 'signal', arg0: 'a,b=c' },
  "arg0=''": { arg0: '' },
  "arg63path='/a/',arg0namespace='a.b'": { arg63path: '/a/', arg0namespace: 'a.b' },
  "arg1='it'\\''s'": { arg1: "it's" },
  "arg1=a'b c'd": { arg1: 'ab cd' },
  "arg1='back\\slash'": { arg1: 'back\\slash' },
  "eavesdrop='false'": { eavesdrop: 'false' },
};

test('match rules that all buses read alike are read', (t) => {
  for (const [text, rule] of Object.entries(read))
    t.deepEqual(Object.fromEntries(parseMatchRule(text) ?? []), rule, text);
});

test('match rules that a bus may read in another way are not read', (t) => {
  const wrong = [
    'type',
    "type='signal",
    "type='signal',",
    ",type='signal'",
    "type='signal',type='signal'",
    "type ='signal'",
    "'type'='signal'",
    "Type='signal'",
    "arg64='x'",
    "arg00='x'",
    "arg='x'",
    "arg1namespace='x'",
    "what='x'",
    'arg0=a\\b',
    'arg0=a b',
    "type='signal'\teavesdrop='true'",
  ];
  for (const text of wrong) t.is(parseMatchRule(text), null, text);
});

test('[LINK-6] eavesdropping is seen in any quoting', (t) => {
  const asks = [
    'eavesdrop=true',
    "eavesdrop='true'",
    "eavesdrop=''true",
    "eavesdrop=tr'ue'",
    "type='signal',eavesdrop='true'",
    "type='signal', eavesdrop='true'",
    "type='signal',\teavesdrop='true'",
    'type=signal,eavesdrop  =  true',
    "'eavesdrop'='true'",
    'eaves\\drop=true',
    "eavesdrop='false',eavesdrop='true'",
    'EAVESDROP=true',
    "eavesdrop='TRUE'",
    "eavesdrop=''",
    "arg0='a\\',eavesdrop='true",
    "arg0='x'\\',eavesdrop='true',arg1='\\''",
  ];
  for (const text of asks) t.true(mayEavesdrop(text), text);
  const harmless = [
    "type='signal'",
    "eavesdrop='false'",
    'eavesdrop=false',
    "arg0='eavesdrop=true'",
    'nonsense',
  ];
  for (const text of harmless) t.false(mayEavesdrop(text), text);
});

test('rules that say the same are the same, however they are written', (t) => {
  const rule = parseMatchRule("type='signal',arg0='a'") ?? new Map();
  for (const text of ["arg0=a,type='signal'", "type=signal,arg0='a',eavesdrop='false'"])
    t.true(isSameRule(rule, parseMatchRule(text) ?? new Map()), text);
  for (const text of ["type='signal'", "type='signal',arg0='b'", "type='signal',arg0path='a'"])
    t.false(isSameRule(rule, parseMatchRule(text) ?? new Map()), text);
});
