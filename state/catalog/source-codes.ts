import type { Catalog } from './entry.ts';

/** Codes about what a revision is read from, before anything of it is judged: files, directories, archives (REV-2, REV-8). */
export const sourceCodes = {
  SourceNotFound: {
    severity: 'error',
    title: 'There is no such file or directory.',
    explanation:
      'A revision is read from a state JSON, a directory, an export or a pvtx.d directory; nothing is there.',
    remedy: 'Correct the path.',
  },
  SourceEmpty: {
    severity: 'error',
    title: 'A directory has nothing of a revision in it.',
    explanation:
      'It would mean a device without containers. An empty directory is far more often a wrong path or a disk that is not mounted, so it is not taken as that.',
    remedy: 'Correct the path. Where an empty device is meant, put a device.json with {} there.',
  },
  SourceUnreadable: {
    severity: 'error',
    title: 'A file or directory cannot be read.',
    explanation: 'The system refused; the message has its reason. What could not be read cannot be judged.',
    remedy: 'Look at permissions, at free space for unpacking, and at the disk.',
  },
  NotARegularFile: {
    severity: 'error',
    title: 'Something in the directory is neither a file nor a directory.',
    explanation:
      'Devices, FIFOs, sockets and links to directories have no content that a revision could hold.',
    remedy: 'Copy the content to this place, or remove the entry.',
  },
  LinkLeadsOutside: {
    severity: 'error',
    title: 'A symbolic link leads out of the directory of the revision.',
    explanation: 'A revision must not be able to take in files of the host, such as keys, through a link.',
    remedy: 'Copy the file to this place.',
  },
  ChangedWhileRead: {
    severity: 'error',
    title: 'A file was written while it was read.',
    explanation: 'What was read is neither the old content nor the new one.',
    remedy: 'Read again when the file is complete. A watched directory is read again by itself.',
  },
  HiddenFile: {
    severity: 'warning',
    title: 'A hidden file is passed over.',
    explanation:
      'Names that begin with a dot are the leavings of editors and tools; below _config/ they are taken, since containers have such files.',
    remedy: 'Remove the file, or rename it if it is meant to be part of the revision.',
  },
  FileNameNotUtf8: {
    severity: 'error',
    title: 'A file name is not UTF-8.',
    explanation: 'File names become keys of a JSON object, which are Unicode.',
    remedy: 'Rename the file.',
  },
  EntriesConflict: {
    severity: 'error',
    title: 'Two sources of one revision say different things at one path.',
    explanation:
      'Exports and files of one directory are merged; which of the two is meant cannot be known (REV-2).',
    remedy: 'Remove the entry from one of the two.',
  },
  ExportInvalid: {
    severity: 'error',
    title: 'An export is torn, or is none.',
    explanation:
      'An export is a gzipped tar of `json` and `objects/<sha256>`. Nothing of a damaged one is used: a part of an update is no update.',
    remedy: 'Make or copy the export again.',
  },
  ExportEntryRefused: {
    severity: 'error',
    title: 'An export has an entry that no export has.',
    explanation:
      'Only the file `json` and files `objects/<sha256>` are unpacked: links, devices, other paths and repeated entries are refused, and the export with them.',
    remedy: 'Make the export again, with nothing else in it.',
  },
  ExportTooLarge: {
    severity: 'error',
    title: 'An export unpacks to more than the limit.',
    explanation: 'Limits on entries and bytes keep a small archive from filling the disk of a device.',
    remedy: 'Split the export.',
  },
  ObjectMismatch: {
    severity: 'error',
    title: 'An object does not have the sha256 that is its name.',
    explanation: 'It was damaged or changed on its way; nothing of the export is used.',
    remedy: 'Make or copy the export again.',
  },
  SourceNotWatched: {
    severity: 'warning',
    title: 'A source cannot be watched as a whole.',
    explanation: 'What was read is used; later changes may go unseen.',
    remedy: 'Raise fs.inotify.max_user_watches, or apply changes by hand.',
  },
} as const satisfies Catalog;
