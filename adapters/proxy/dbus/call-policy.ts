import { busMethodKind } from './bus-methods.ts';
import { type MatchRule, mayEavesdrop, parseMatchRule } from './match-rule.ts';
import { bus, type Message, standard } from './message.ts';
import { leadingTexts } from './read-body.ts';
import type { Standing } from './standing.ts';
import type { OwnBody } from './write-message.ts';

/** What comes of a call of the consumer. */
export type CallVerdict =
  | { readonly type: 'pass' }
  /** An error with this name and text is the answer. */
  | { readonly type: 'deny'; readonly error: string; readonly why: string }
  /** It is answered here, with this body. */
  | { readonly type: 'answer'; readonly body: OwnBody };

/** As much of a call to the bus as is read: rules have 1,024 bytes at most, names 255. What is longer is denied. */
const longestBusCall = 4096;
/** A text that is the name of an interface. */
const interfaceBytes = 4 + 255 + 1;

const pass = { type: 'pass' } as const;

export type Denial = Extract<CallVerdict, { readonly type: 'deny' }>;

export function denied(why: string): Denial {
  return { type: 'deny', error: 'org.freedesktop.DBus.Error.AccessDenied', why };
}

/** How many bytes of its body have to be there before a call can be judged. */
export function neededOfCall({ destination, interface: name, bodyBytes }: Message): number {
  if (destination === bus.name) return bodyBytes > longestBusCall ? 0 : bodyBytes;
  return name === standard.properties ? Math.min(bodyBytes, interfaceBytes) : 0;
}

/**
 * What comes of a call; `standing` is null where the whole bus is granted. `body` is as much of it as `neededOfCall` has asked for. Whatever is
 * not known to be harmless is denied.
 */
export function judgeCall(message: Message, body: Buffer, standing: Standing | null): CallVerdict {
  if (message.replySerial !== null) return denied('a call is no reply, and this one says it were');
  if (message.destination === null) return denied('a call has to say whom it is for');
  if (message.destination === bus.name) return judgeBusCall(message, body, standing);
  return standing === null ? pass : judgePeerCall(message, body, standing);
}

function judgeBusCall(message: Message, body: Buffer, standing: Standing | null): CallVerdict {
  const kind = busMethodKind(message);
  const called = `${message.interface ?? ''}.${message.member ?? ''}`;
  if (kind === null) return denied(`no link may call ${called} of the bus itself`);
  if (message.bodyBytes > longestBusCall)
    return denied(`${called} came with ${message.bodyBytes} bytes, expected ${longestBusCall} at most`);
  const argument = leadingTexts(message, body, 1)[0] ?? null;
  if (kind === 'rule') return judgeRule(argument, standing);
  if (standing === null || kind === 'any') return pass;
  switch (kind) {
    case 'granted':
      return argument === standing.granted ? pass : only(standing, `${called} of ${name(argument)}`);
    case 'name':
      return argument !== null && standing.isVisible(argument)
        ? pass
        : only(standing, `${called} of ${name(argument)}`);
    case 'names':
      return standing.isName ? { type: 'answer', body: [seenNames(message, standing)] } : pass;
    default:
      return only(standing, called);
  }
}

/** What ListNames and ListActivatableNames tell. */
function seenNames({ member }: Message, { granted, owner, self }: Standing): readonly string[] {
  if (member === 'ListActivatableNames') return [bus.name, granted];
  const names = new Set([bus.name, self, owner === null ? null : granted, owner]);
  return [...names].filter((name) => name !== null);
}

function judgePeerCall(message: Message, body: Buffer, standing: Standing): CallVerdict {
  const { destination, interface: asked, member } = message;
  const what = `${asked ?? 'no interface'}.${member ?? ''} at ${destination ?? ''}`;
  const isPeer = destination !== null && standing.isGrantedPeer(destination);
  if (asked === null || (!isPeer && standing.isName)) return only(standing, what);
  const covers = (name: string): boolean => (isPeer ? standing.covers(name) : name === standing.granted);
  if (covers(asked)) return pass;
  if (asked === standard.properties) {
    const [of = ''] = leadingTexts(message, body, 1);
    return covers(of) ? pass : only(standing, `properties of ${name(of)} at ${destination ?? ''}`);
  }
  const isStandard = [standard.peer, standard.introspectable, standard.objectManager].some(
    (one) => one === asked,
  );
  return isPeer && isStandard ? pass : only(standing, what);
}

function judgeRule(text: string | null, standing: Standing | null): CallVerdict {
  if (text === null) return denied('found no match rule');
  if (mayEavesdrop(text)) return denied(`no link may listen to messages to others: ${text}`);
  if (standing === null) return pass;
  const rule = parseMatchRule(text);
  const error = 'org.freedesktop.DBus.Error.MatchRuleInvalid';
  if (rule === null) return { type: 'deny', error, why: `found a match rule that can't be read: ${text}` };
  return isGrantedRule(rule, standing)
    ? pass
    : only(standing, `the match rule ${text}: it asks for signals of others`);
}

/** What arrives is judged again, one by one (signal-policy.ts): this spares the bus, and us, what can't be passed on. */
function isGrantedRule(rule: MatchRule, standing: Standing): boolean {
  const sender = rule.get('sender');
  const asked = rule.get('interface');
  if ((rule.get('type') ?? 'signal') !== 'signal') return false;
  if (sender === bus.name) return true;
  if (sender !== undefined && !standing.isVisible(sender)) return false;
  if (asked === undefined || asked === bus.interface || asked === standard.objectManager) return true;
  return standing.covers(asked === standard.properties ? (rule.get('arg0') ?? standing.granted) : asked);
}

function only({ granted }: Standing, found: string): Denial {
  return denied(`this link is for ${granted} alone, and found ${found}`);
}

function name(text: string | null): string {
  return text === null || text === '' ? 'nothing' : text;
}
