import type { Finding } from '../../state/finding.ts';
import type { Json } from '../../state/json.ts';
import type { FlatState } from '../../state/revision.ts';

/**
 * What a revision was read from (REV-2): one state JSON; a directory laid out like the keys; one export, packed or
 * unpacked; a directory with exports in it.
 */
export type SourceKind = 'state' | 'directory' | 'export' | 'pvtx';

/** A file that holds the bytes of an object. Whoever takes them checks them again: files change (hardening: check and use). */
export interface ObjectOrigin {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** The file that an entry of the state was read from. */
export interface SourceFile {
  /** As the user named it, or below what the user named; `<archive>/json` inside an export. */
  readonly file: string;
  /** Its text, where it is JSON; null for objects. */
  readonly text: string | null;
  /** True when the text is a whole flat state, false when it is the document of one entry alone. */
  readonly whole: boolean;
}

/** A revision as it was found outside, before anything of it is judged. */
export interface Source extends AsyncDisposable {
  readonly kind: SourceKind;
  /**
   * What could be read. When `findings` has an error, something is missing from it: judging it further would
   * report what is not so.
   */
  readonly state: FlatState;
  /** sha256 → file with these bytes, for the objects that came along. */
  readonly objects: ReadonlyMap<string, ObjectOrigin>;
  /** What could not be read, or only with doubt, each with its location. */
  readonly findings: readonly Finding[];
  /** Path in the state → the file that it was read from. */
  readonly files: ReadonlyMap<string, SourceFile>;
  /** The one file that holds the whole state, where there is one. */
  readonly document: SourceFile | null;
  /** Removes what was unpacked: the object files of an export are gone afterwards. May be called twice. */
  close(): Promise<void>;
}

/** A part of a revision: what one layout, one state file or one export says. */
export interface Fragment {
  /** The file or directory, for messages. */
  readonly name: string;
  readonly entries: ReadonlyMap<string, Json>;
  readonly objects: ReadonlyMap<string, ObjectOrigin>;
  readonly files: ReadonlyMap<string, SourceFile>;
  readonly findings: readonly Finding[];
}
