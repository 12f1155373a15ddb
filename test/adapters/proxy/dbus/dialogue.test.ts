import test from 'ava';
import { bus, ProtocolViolation, standard } from '../../../../adapters/proxy/dbus/message.ts';
import { BusUnhelpful } from '../../../../adapters/proxy/dbus/own-calls.ts';
import { granted, owner, ownRule, self, Talk } from './talk.ts';

const accessDenied = 'org.freedesktop.DBus.Error.AccessDenied';
const hidden = ':1.66';
const other = 'org.example.Other';
const thing = `${granted} ${granted}`;

/** What is called, with what, of a name that has an owner. */
const passed: readonly (readonly [string, readonly (string | number)[]])[] = [
  [`${thing} Get`, []],
  [`${owner} ${granted} Get`, []],
  [`${granted} ${granted}.Part Get`, []],
  [`${granted} ${standard.introspectable} Introspect`, []],
  [`${granted} ${standard.peer} Ping`, []],
  [`${granted} ${standard.objectManager} GetManagedObjects`, []],
  [`${granted} ${standard.properties} GetAll`, [granted]],
  [`${owner} ${standard.properties} Set`, [`${granted}.Part`, 'x', 'y'.repeat(2000)]],
  [`${bus.name} - GetId`, []],
  [`${bus.name} ${bus.interface} Hello`, []],
  [`${bus.name} ${bus.interface} GetNameOwner`, [granted]],
  [`${bus.name} ${bus.interface} NameHasOwner`, [owner]],
  [`${bus.name} ${bus.interface} NameHasOwner`, [bus.name]],
  [`${bus.name} ${bus.interface} GetConnectionUnixUser`, [self]],
  [`${bus.name} ${bus.interface} GetConnectionCredentials`, [owner]],
  [`${bus.name} ${bus.interface} StartServiceByName`, [granted, 0]],
  [`${bus.name} ${bus.interface} RequestName`, [granted, 4]],
  [`${bus.name} ${bus.interface} ReleaseName`, [granted]],
  [`${bus.name} ${bus.interface} ListQueuedOwners`, [granted]],
  [`${bus.name} ${standard.peer} Ping`, []],
  [`${bus.name} ${standard.introspectable} Introspect`, []],
  [`${bus.name} ${standard.properties} GetAll`, [bus.interface]],
  [`${bus.name} ${bus.interface} AddMatch`, [`type='signal',sender='${granted}'`]],
  [`${bus.name} ${bus.interface} AddMatch`, [`type='signal',interface='${granted}.Part',path='/a'`]],
  [
    `${bus.name} ${bus.interface} AddMatch`,
    [`sender='${owner}',interface='${standard.properties}',arg0='${granted}'`],
  ],
  [
    `${bus.name} ${bus.interface} AddMatch`,
    [`type='signal',sender='${bus.name}',member='NameOwnerChanged',arg0='x.y'`],
  ],
  [`${bus.name} ${bus.interface} AddMatch`, ["type='signal',path='/a'"]],
  [`${bus.name} ${bus.interface} RemoveMatch`, [`sender='${granted}'`]],
];

const refused: readonly (readonly [string, readonly (string | number)[]])[] = [
  ['- - Get', []],
  [`${granted} - Get`, []],
  [`${granted} ${other} Get`, []],
  [`${granted} ${granted}Part Get`, []],
  [`${granted} ${bus.interface} ReloadConfig`, []],
  [`${granted} ${standard.properties} GetAll`, [other]],
  [`${granted} ${standard.properties} GetAll`, ['']],
  [`${granted} ${standard.properties} GetAll`, []],
  [`${granted} ${standard.properties} GetAll`, [7]],
  [`${other} ${other} Get`, []],
  [`${other} ${granted} Get`, []],
  [`${granted}.Part ${granted} Get`, []],
  [`${hidden} ${granted} Get`, []],
  [`${hidden} ${standard.peer} Ping`, []],
  [`${bus.name} ${bus.interface} GetNameOwner`, [other]],
  [`${bus.name} ${bus.interface} NameHasOwner`, [hidden]],
  [`${bus.name} ${bus.interface} GetConnectionUnixUser`, [hidden]],
  [`${bus.name} ${bus.interface} GetConnectionCredentials`, []],
  [`${bus.name} ${bus.interface} GetConnectionUnixProcessID`, [owner]],
  [`${bus.name} ${bus.interface} StartServiceByName`, [other, 0]],
  [`${bus.name} ${bus.interface} RequestName`, [other, 4]],
  [`${bus.name} ${bus.interface} RequestName`, [`${granted}.Part`, 4]],
  [`${bus.name} ${bus.interface} RequestName`, []],
  [`${bus.name} ${bus.interface} ReleaseName`, [other]],
  [`${bus.name} ${standard.peer} GetMachineId`, []],
  [`${bus.name} ${standard.properties} Set`, [bus.interface, 'x', 'y']],
  [`${bus.name} ${granted} Get`, []],
  [`${bus.name} ${bus.interface} AddMatch`, []],
  [`${bus.name} ${bus.interface} AddMatch`, [`type='signal',sender='${other}'`]],
  [`${bus.name} ${bus.interface} AddMatch`, [`type='signal',sender='${hidden}',interface='${granted}'`]],
  [`${bus.name} ${bus.interface} AddMatch`, [`type='signal',interface='${other}'`]],
  [`${bus.name} ${bus.interface} AddMatch`, [`interface='${standard.properties}',arg0='${other}'`]],
  [`${bus.name} ${bus.interface} AddMatch`, [`type='method_call'`]],
];

/** Of the bus, and of nobody's link. */
const never: readonly (readonly [string, readonly (string | number)[]])[] = [
  [`${bus.name} ${bus.interface} ReloadConfig`, []],
  [`${bus.name} - ReloadConfig`, []],
  [`${bus.name} ${bus.interface} UpdateActivationEnvironment`, []],
  [`${bus.name} ${bus.interface}.Monitoring BecomeMonitor`, []],
  [`${bus.name} - BecomeMonitor`, []],
  [`${bus.name} ${bus.interface} BecomeMonitor`, []],
  [`${bus.name} ${bus.interface}.Debug.Stats GetStats`, []],
  [`${bus.name} - GetStats`, []],
  [`${bus.name} ${bus.interface}.Verbose EnableVerbose`, []],
  [`${bus.name} ${bus.interface}.Containers1 AddServer`, []],
  [`${bus.name} ${bus.interface} constructor`, []],
  [`${bus.name} org.example.Unknown Get`, []],
  [`${bus.name} ${bus.interface} AddMatch`, ["type='signal',eavesdrop='true'"]],
  [`${bus.name} ${bus.interface} RemoveMatch`, ["type='signal',eavesdrop='true'"]],
  [`${bus.name} - AddMatch`, ["eaves'drop'=true"]],
  [`${bus.name} ${bus.interface} AddMatch`, ["x'eavesdrop"]],
  [`${bus.name} ${bus.interface} AddMatch`, ['a'.repeat(5000)]],
  [`${bus.name} ${bus.interface} GetNameOwner`, [granted, 'x'.repeat(5000)]],
];

for (const [what, body] of passed) {
  test(`[LINK-6] passed to a link for ${granted}: ${what} ${JSON.stringify(body).slice(0, 90)}`, (t) => {
    const talk = new Talk().greeted();
    t.is(talk.call(what, body), 'pass', talk.toConsumer.at(-1)?.texts[0]);
    t.is(talk.denied, 0);
    t.deepEqual(talk.toConsumer, []);
  });
}

for (const [what, body] of [...refused, ...never]) {
  test(`[LINK-6] denied to a link for ${granted}: ${what} ${JSON.stringify(body).slice(0, 90)}`, (t) => {
    const talk = new Talk().greeted();
    t.is(talk.call(what, body, { serial: 4711 }), 'drop');
    t.is(talk.denied, 1);
    t.like(talk.toConsumer.at(-1), {
      type: 3,
      errorName: accessDenied,
      replySerial: 4711,
      destination: self,
    });
    t.is(talk.call(what, body, { flags: 1 }), 'drop');
    t.is(talk.toConsumer.length, 1, 'who expects no reply gets none');
  });
}

for (const [what, body] of never) {
  test(`[LINK-6] denied to every link: ${what} ${JSON.stringify(body).slice(0, 90)}`, (t) => {
    const talk = new Talk(null).greeted();
    t.is(talk.call(what, body), 'drop');
    t.is(talk.last, accessDenied);
  });
}

test('[LINK-6] a link without an interface may call whatever its role may', (t) => {
  const talk = new Talk(null).greeted();
  t.deepEqual(talk.toBus, [], 'nothing has to be known');
  for (const what of [`${other} ${other} Get`, `${other} - Get`, `${hidden} ${standard.peer} Ping`])
    t.is(talk.call(what), 'pass');
  t.is(talk.busCall('RequestName', [other, 4]), 'pass');
  t.is(talk.busCall('GetConnectionUnixProcessID', [hidden]), 'pass');
  t.is(talk.busCall('AddMatch', ["type='signal'"]), 'pass');
  t.is(talk.signal(hidden, other), 'pass');
  t.is(talk.consumer({ type: 4, path: '/a', interface: other, member: 'S' }), 'pass');
  t.is(talk.bus({ type: 1, serial: 5, path: '/a', member: 'M', sender: hidden }), 'pass');
  t.is(talk.denied, 0);
});

test('[LINK-6] a word that the bus knows as no name is an interface, at whoever has it', (t) => {
  const talk = new Talk().greeted({ owned: false });
  t.is(talk.call(`${other} ${granted} Get`), 'pass');
  t.is(talk.call(`${hidden} ${standard.properties} GetAll`, [granted]), 'pass');
  for (const what of [
    `${other} ${granted}.Part Get`,
    `${other} - Get`,
    `${other} ${standard.introspectable} Introspect`,
  ])
    t.is(talk.call(what), 'drop', what);
  t.is(talk.call(`${hidden} ${standard.properties} GetAll`, [other]), 'drop');
  t.is(talk.call(`${bus.name} ${bus.interface} ReloadConfig`), 'drop');
  t.is(talk.busCall('GetNameOwner', [other]), 'pass');
  t.is(talk.busCall('RequestName', [other, 4]), 'drop');
  t.is(talk.busCall('ListNames'), 'pass');
  t.is(talk.signal(hidden, granted), 'pass');
  t.is(talk.signal(hidden, other), 'drop');
  t.is(talk.signal(hidden, standard.properties, [granted]), 'pass');
  t.is(talk.signal(hidden, standard.properties, [other]), 'drop');
});

test('[LINK-6] a name that was seen once is a name for good, also for sessions that come later', (t) => {
  const talk = new Talk().greeted({ owned: false });
  t.is(talk.call(`${other} ${granted} Get`), 'pass');
  t.is(talk.ownerChanged(granted, owner), 'pass');
  t.is(talk.call(`${other} ${granted} Get`), 'drop');
  t.is(talk.call(`${owner} ${granted} Get`), 'pass');
  t.is(talk.ownerChanged(granted, '', owner), 'pass');
  t.is(talk.call(`${other} ${granted} Get`), 'drop');
  t.true(talk.names.has(granted));
  const startable = new Talk().greeted({ owned: false, startable: ['org.example.A', granted] });
  t.is(startable.call(`${other} ${granted} Get`), 'drop');
  t.is(startable.call(`${thing} Get`), 'pass', 'the bus starts it');
});

test('[LINK-6] who owned the name and does not any more is hidden again, but for its end', (t) => {
  const talk = new Talk().greeted();
  t.is(talk.ownerChanged(granted, ':1.8', owner), 'pass');
  t.is(talk.call(`${owner} ${granted} Get`), 'drop');
  t.is(talk.call(`:1.8 ${granted} Get`), 'pass');
  t.is(talk.signal(owner, granted), 'drop');
  t.is(talk.signal(':1.8', granted), 'pass');
  t.is(talk.ownerChanged(owner, '', owner), 'pass');
});

test('[LINK-6] signals arrive from the granted name, of its interfaces', (t) => {
  const talk = new Talk().greeted();
  const arrive: readonly (readonly [string, string, string[]])[] = [
    [owner, granted, []],
    [owner, `${granted}.Part`, []],
    [owner, standard.objectManager, []],
    [owner, standard.properties, [granted]],
  ];
  for (const [sender, name, body] of arrive) t.is(talk.signal(sender, name, body), 'pass', name);
  const stay: readonly (readonly [string, string, string[]])[] = [
    [owner, other, []],
    [owner, standard.properties, [other]],
    [owner, bus.interface, [granted, '', hidden]],
    [hidden, granted, []],
    [hidden, standard.properties, [granted]],
    [bus.name, other, []],
  ];
  for (const [sender, name, body] of stay) t.is(talk.signal(sender, name, body), 'drop', `${sender} ${name}`);
  t.is(talk.ownerChanged(other, hidden), 'drop');
  t.is(talk.ownerChanged(hidden, hidden), 'drop');
  t.is(talk.ownerChanged(granted, owner), 'pass');
  t.is(talk.signal(bus.name, bus.interface, [granted], 'NameAcquired'), 'pass');
  t.is(talk.signal(hidden, bus.interface, [granted, owner, hidden], 'NameOwnerChanged'), 'drop');
  t.is(talk.call(`${hidden} ${granted} Get`), 'drop', 'nobody but the bus says who owns a name');
  t.is(talk.denied, 1);
});

test('[LINK-6] of names a link sees its own, whatever it asks for', (t) => {
  const talk = new Talk().greeted();
  t.is(talk.busCall('ListNames'), 'drop');
  t.deepEqual(talk.toConsumer.at(-1)?.list, [bus.name, self, granted, owner]);
  t.like(talk.toConsumer.at(-1), { type: 2, sender: bus.name, destination: self });
  t.is(talk.busCall('ListActivatableNames'), 'drop');
  t.deepEqual(talk.toConsumer.at(-1)?.list, [bus.name, granted]);
  talk.ownerChanged(granted, '', owner);
  talk.busCall('ListNames');
  t.deepEqual(talk.toConsumer.at(-1)?.list, [bus.name, self]);
  t.is(talk.denied, 0);
});

test('[LINK-6] an answer arrives once, and only for what was asked', (t) => {
  for (const link of [granted, null]) {
    const talk = new Talk(link).greeted();
    t.is(talk.call(`${thing} Get`, [], { serial: 50 }), 'pass');
    t.is(talk.call(`${thing} Get`, [], { serial: 51, flags: 1 }), 'pass');
    t.is(talk.bus({ type: 2, replySerial: 49, sender: owner }), 'drop');
    t.is(talk.bus({ type: 2, replySerial: 51, sender: owner }), 'drop', 'no reply was expected');
    t.is(talk.bus({ type: 2, replySerial: 50, sender: owner }), 'pass');
    t.is(talk.bus({ type: 3, replySerial: 50, errorName: 'a.b', sender: owner }), 'drop');
    t.is(talk.call(`${granted} ${granted} Get`, [], { serial: 60, replySerial: 5 }), 'drop');
    t.is(talk.consumer({ type: 4, path: '/a', interface: granted, member: 'S', replySerial: 5 }), 'drop');
    t.is(
      talk.bus({ type: 4, path: '/a', interface: granted, member: 'S', sender: owner, replySerial: 50 }),
      'drop',
    );
    t.is(talk.bus({ type: 1, path: '/a', member: 'M', sender: owner, replySerial: 50 }), 'drop');
    t.is(talk.denied, 2);
  }
});

test('[LINK-6] who owns the name is called, answers who has called it, and signals; nobody else does', (t) => {
  const talk = new Talk().greeted({ owned: false });
  const called = { type: 1, serial: 5, path: '/a', member: 'M', sender: hidden } as const;
  t.is(talk.bus(called), 'drop');
  t.like(talk.toBus.at(-1), {
    type: 3,
    replySerial: 5,
    destination: hidden,
    errorName: accessDenied,
    sender: null,
  });
  t.is(talk.bus({ ...called, flags: 1 }), 'drop');
  t.is(talk.toBus.length, 1);
  const signal = { type: 4, path: '/a', interface: granted, member: 'S' } as const;
  t.is(talk.consumer(signal), 'drop');

  talk.ownerChanged(granted, self);
  t.is(talk.bus(called), 'pass');
  t.is(talk.consumer({ type: 2, replySerial: 5, destination: ':1.67' }), 'drop', 'to another');
  t.is(talk.consumer({ type: 2, replySerial: 6, destination: hidden }), 'drop', 'to another call');
  t.is(talk.consumer({ type: 2, replySerial: 5 }), 'drop', 'to nobody');
  t.is(talk.consumer({ type: 2, replySerial: 5, destination: hidden }), 'pass');
  t.is(talk.consumer({ type: 3, replySerial: 5, errorName: 'a.b', destination: hidden }), 'drop', 'twice');
  t.is(talk.consumer(signal), 'pass');
  t.is(talk.consumer({ ...signal, interface: other }), 'drop');
  t.is(talk.busCall('GetConnectionUnixUser', [hidden]), 'pass', 'callers may be asked for');
  t.is(talk.ownerChanged(hidden, '', hidden), 'pass', 'and their end is told');
  t.is(talk.call(`${hidden} ${granted} Get`), 'drop', 'but they are not called');

  talk.ownerChanged(granted, owner, self);
  t.is(talk.bus(called), 'drop');
  t.is(talk.consumer(signal), 'drop');
});

test('[LINK-6] the consumer waits until the bus has said who owns the name', (t) => {
  const talk = new Talk();
  t.is(talk.busCall('Hello'), 'pass');
  const asked = [...talk.toBus];
  t.deepEqual(
    asked.map(({ member, texts }) => [member, ...texts]),
    [['AddMatch', ownRule(granted)], ['GetNameOwner', granted], ['ListActivatableNames']],
  );
  t.is(new Set([...asked.map(({ serial }) => serial), 101]).size, 4, 'none has a serial of the consumer');
  t.is(talk.call(`${thing} Get`), 'hold');
  t.is(talk.bus({ type: 2, replySerial: 101, body: [self] }), 'pass');
  const [rule, name] = asked;
  t.is(talk.bus({ type: 2, replySerial: name?.serial ?? 0, sender: hidden, body: [hidden] }), 'drop');
  t.true(talk.dialogue.isWaiting, 'whoever else answers is not the bus');
  t.is(talk.bus({ type: 2, replySerial: rule?.serial ?? 0 }), 'drop');
  talk.answered();
  t.false(talk.dialogue.isWaiting);
  t.is(talk.call(`${owner} ${granted} Get`), 'pass');
});

test('[LINK-6] a bus that does not tell who owns names ends the session', (t) => {
  const talk = new Talk();
  talk.busCall('Hello');
  const error = {
    type: 3,
    replySerial: talk.toBus[0]?.serial ?? 0,
    errorName: 'org.freedesktop.DBus.Error.LimitsExceeded',
  } as const;
  t.throws(() => talk.bus(error), { instanceOf: BusUnhelpful, message: /who owns org\.example\.Thing/ });
});

test('[LINK-6] the rule by which owners are known is not for the consumer to remove', (t) => {
  const talk = new Talk().greeted();
  const [same, ...others] = [
    ownRule(granted),
    `arg0='${granted}',type=signal,sender='${bus.name}',interface=${bus.interface},member='NameOwnerChanged',eavesdrop='false'`,
  ];
  t.is(talk.busCall('RemoveMatch', [same]), 'drop');
  t.is(talk.last, 'org.freedesktop.DBus.Error.MatchRuleNotFound');
  for (const rule of [same, ...others]) t.is(talk.busCall('AddMatch', [rule]), 'drop');
  t.is(talk.last, 'answer');
  for (const rule of [same, ...others]) t.is(talk.busCall('RemoveMatch', [rule]), 'drop');
  t.is(talk.last, 'answer');
  t.is(talk.busCall('RemoveMatch', [same]), 'drop');
  t.is(talk.last, 'org.freedesktop.DBus.Error.MatchRuleNotFound');
});

test('[LINK-6] what may be called changes while a session is open', (t) => {
  const talk = new Talk(null).greeted();
  t.is(talk.call(`${other} ${other} Get`, [], { serial: 1 }), 'pass');
  t.is(talk.call(`${other} ${other} Get`, [], { serial: 2 }), 'pass');
  talk.dialogue.grant(granted);
  t.is(talk.call(`${thing} Get`), 'hold');
  t.false(
    talk.toBus.some(({ serial }) => serial === 1 || serial === 2),
    'those wait for answers to others',
  );
  t.is(talk.bus({ type: 2, replySerial: 1, sender: hidden }), 'pass');
  talk.answered();
  t.is(talk.call(`${other} ${other} Get`), 'drop');
  t.is(talk.call(`${thing} Get`), 'pass');

  talk.dialogue.grant(granted);
  t.deepEqual(talk.toBus, [], 'the same again is no change');
  talk.dialogue.grant(other);
  t.like(talk.toBus[0], { member: 'RemoveMatch', flags: 1 });
  talk.answered({ owned: false });
  t.is(talk.call(`${other} ${other} Get`), 'pass');
  t.is(talk.call(`${thing} Get`), 'drop');
  talk.dialogue.grant(null);
  t.is(talk.call(`${thing} Get`), 'pass');
  t.deepEqual(
    talk.toBus.map(({ member }) => member),
    ['RemoveMatch'],
  );
});

test('[LINK-6] a change in the middle of questions is not answered by what was asked before', (t) => {
  const talk = new Talk();
  talk.busCall('Hello');
  const before = talk.toBus.splice(0);
  talk.dialogue.grant(other);
  for (const { serial, member } of before)
    talk.bus(
      member === 'GetNameOwner'
        ? { type: 2, replySerial: serial, body: [hidden] }
        : { type: 2, replySerial: serial },
    );
  t.true(talk.dialogue.isWaiting);
  talk.answered();
  t.is(talk.call(`${hidden} ${other} Get`), 'drop');
  t.is(talk.call(`${owner} ${other} Get`), 'pass');
});

test('[LINK-6] an answer that the consumer expected no more is none to what is asked for it', (t) => {
  const talk = new Talk().greeted();
  const serials = Array.from({ length: 50 }, (_, index) => index + 1);
  for (const serial of serials)
    t.is(talk.call(`${bus.name} ${bus.interface} GetNameOwner`, [granted], { serial, flags: 1 }), 'pass');
  talk.dialogue.grant(other);
  // A bus answers some of its methods in any case.
  for (const replySerial of serials) t.is(talk.bus({ type: 2, replySerial, body: [owner] }), 'drop');
  t.true(talk.dialogue.isWaiting);
  talk.answered({ owned: false, startable: [other] });
  t.is(talk.call(`${owner} ${other} Get`), 'drop');
});

test('[LINK-6] who does not say Hello first, or sends descriptors, has said enough', (t) => {
  const first: readonly Parameters<Talk['call']>[] = [
    [`${thing} Get`],
    [`${bus.name} ${bus.interface} GetId`],
    [`${bus.name} ${granted} Hello`],
    [`- ${bus.interface} Hello`],
    [`${bus.name} ${bus.interface} Hello`, [], { flags: 1 }],
    [`${bus.name} ${bus.interface} Hello`, [], { type: 4 }],
  ];
  for (const words of first)
    t.throws(() => new Talk().call(...words), { instanceOf: ProtocolViolation }, `${words[0]}`);
  const talk = new Talk().greeted();
  t.is(talk.busCall('Hello'), 'pass', 'a second one is for the bus to refuse');
});

test('what is forgotten is the oldest of very many', (t) => {
  const talk = new Talk(null).greeted();
  for (let serial = 1000; serial < 1000 + 8193; serial += 1) talk.call(`${thing} Get`, [], { serial });
  t.is(talk.bus({ type: 2, replySerial: 1000, sender: owner }), 'drop');
  t.is(talk.bus({ type: 2, replySerial: 1001, sender: owner }), 'pass');
  t.is(talk.bus({ type: 2, replySerial: 9192, sender: owner }), 'pass');
});
