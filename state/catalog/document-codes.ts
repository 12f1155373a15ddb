import type { Catalog } from './entry.ts';

/** Codes about documents of any kind: their text, their shape, the paths at which they stand (REV-1, REV-6, REV-8). */
export const documentCodes = {
  BadJson: {
    severity: 'error',
    title: 'A document is no JSON.',
    explanation: 'Documents whose path ends in .json are read as JSON (RFC 8259); this text could not be.',
    remedy: 'Correct the text at the place that the message names.',
  },
  NotUtf8: {
    severity: 'error',
    title: 'A document is not UTF-8.',
    explanation:
      'JSON that travels between systems is UTF-8 (RFC 8259, section 8.1); bytes of another encoding would become other characters.',
    remedy: 'Save the file as UTF-8.',
  },
  ByteOrderMark: {
    severity: 'warning',
    title: 'A document starts with a byte order mark.',
    explanation: 'It is passed over here; other readers of JSON refuse it (RFC 8259, section 8.1).',
    remedy: 'Save the file as UTF-8 without a byte order mark.',
  },
  DuplicateMember: {
    severity: 'error',
    title: 'An object has a member twice.',
    explanation:
      'Which of the two would count is not defined (RFC 8259, section 4); different readers take different ones.',
    remedy: 'Remove one of the two.',
  },
  NumberTooLarge: {
    severity: 'error',
    title: 'A number is larger than a double can hold.',
    explanation: 'It would become infinity (RFC 8259, section 6).',
    remedy: 'Use a smaller number, or a string.',
  },
  NumberInexact: {
    severity: 'warning',
    title: 'An integer is too large to be kept exactly.',
    explanation: 'Numbers are kept as doubles, which hold integers up to 2^53 - 1 exactly (RFC 7493).',
    remedy: 'Use a string.',
  },
  TooLarge: {
    severity: 'error',
    title: 'A document or an upload is larger than the limit.',
    explanation:
      'The JSON of a revision may have 16 MiB, so that no input can exhaust the memory of a device.',
    remedy: 'Put large content into objects; the state names them by their sha256.',
  },
  TooDeep: {
    severity: 'error',
    title: 'A document is nested too deeply.',
    explanation: 'Arrays and objects may be nested 64 levels deep, so that no input can exhaust a stack.',
    remedy: 'Flatten the document. No known document needs more than a handful of levels.',
  },
  TooManyValues: {
    severity: 'error',
    title: 'A revision has too many entries or values.',
    explanation: 'Counts are limited, so that no input can exhaust the memory or the time of a device.',
    remedy: 'Remove what is not needed, or put it into objects.',
  },
  HostileName: {
    severity: 'error',
    title: 'A member has a name that no document may have.',
    explanation: '`__proto__` changes objects themselves in JavaScript; it is refused wherever it stands.',
    remedy: 'Rename the member.',
  },
  PathRefused: {
    severity: 'error',
    title: 'A path of the state is not allowed.',
    explanation:
      'Paths of the state are relative, normalised and printable: no leading slash, no empty segment, no "." or "..", no control character. Anything else could reach outside the directory that it is unpacked into.',
    remedy: 'Rename the entry.',
  },
  NotADigest: {
    severity: 'error',
    title: 'A binary object is not named by its sha256.',
    explanation:
      'The state holds JSON documents at paths that end in .json, and at all others the sha256 of an object: 64 lower-case hexadecimal digits (REV-1).',
    remedy: 'Put the sha256 of the file there, or give the path a name that ends in .json.',
  },
  StateSpecUnknown: {
    severity: 'error',
    title: 'The state is written to a specification that is not known.',
    explanation: 'A state of another version may mean something else by the same words.',
    remedy: 'Use "pantavisor-service-system@1".',
  },
  StateSpecMissing: {
    severity: 'warning',
    title: 'The state does not say to which specification it is written.',
    explanation:
      'It is read as "pantavisor-service-system@1". A document that is no state at all would be read as one, too.',
    remedy: 'Add "#spec": "pantavisor-service-system@1" to the state.',
  },
  NothingLeft: {
    severity: 'warning',
    title: 'The state has neither containers nor pools.',
    explanation: 'What a state does not have is removed: of such a state, everything that is there.',
    remedy: 'Use `holdfast down` where that is meant; otherwise apply a state that has containers.',
  },
  WrongType: {
    severity: 'error',
    title: 'A value has the wrong JSON type.',
    explanation: 'Values are never converted: "true" is no boolean and "30" is no number.',
    remedy: 'Write the value as the type that was expected.',
  },
  MissingField: {
    severity: 'error',
    title: 'A field that must be there is missing.',
    explanation: 'Without it there is nothing to make, and no default would be right for everybody.',
    remedy: 'Add the field.',
  },
  UnknownValue: {
    severity: 'error',
    title: 'A value is none of those that are known.',
    explanation: 'Only the listed values mean something here.',
    remedy: 'Use one of the listed values.',
  },
  BadFormat: {
    severity: 'error',
    title: 'A text does not have the form that is expected here.',
    explanation:
      'Names go into file paths, rule sets and configurations: what could mean more than a name there is refused.',
    remedy: 'Write the text in the expected form.',
  },
  OutOfRange: {
    severity: 'error',
    title: 'A number is too small or too large.',
    explanation: 'The value lies outside the range that makes sense for this field.',
    remedy: 'Use a number in the expected range.',
  },
  TooLong: {
    severity: 'error',
    title: 'A text or a list is too long.',
    explanation: 'Names are limited by the systems that take them, lists by the resources of a device.',
    remedy: 'Shorten it.',
  },
  UnknownField: {
    severity: 'warning',
    title: 'A field is not known, and does nothing.',
    explanation:
      'A misspelt field would be ignored silently otherwise; fields of a later version are ignored too.',
    remedy: 'Correct the spelling, or remove the field.',
  },
  FieldIgnored: {
    severity: 'warning',
    title: 'A field has no effect together with the others.',
    explanation: 'The field is known, but what stands beside it leaves it without meaning.',
    remedy: 'Remove the field, or change what makes it meaningless.',
  },
  NotSupportedYet: {
    severity: 'warning',
    title: 'A field is known, and not carried out yet.',
    explanation: 'The revision is taken, but this part of it does nothing in this version.',
    remedy: 'Do not rely on it; everything else works.',
  },
  PatchFailed: {
    severity: 'error',
    title: 'A patch cannot be applied to the current revision.',
    explanation:
      'A test failed, or a path does not exist in the current state (RFC 6902). Nothing of the patch was applied.',
    remedy: 'Make the patch against the current state.',
  },
} as const satisfies Catalog;
