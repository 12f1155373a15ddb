import { findNodeAtLocation, type Node, parseTree } from 'jsonc-parser';
import type { Finding, Location } from '../../state/finding.ts';
import { pointerParts } from '../../state/pointer.ts';
import { positionAt } from './position.ts';
import type { Source, SourceFile } from './source.ts';

/** Where a source says what stands at a pointer into its state. */
export type Locate = (pointer: string) => Location | null;

/**
 * Finds the file, line and column of JSON pointers into the state of `source`. Where nothing stands at a pointer, the
 * nearest thing around it is named; null when no file has anything to do with it. Each text is parsed once, and only
 * when it is asked for.
 */
export function locator(source: Pick<Source, 'files' | 'document'>): Locate {
  const trees = new Map<SourceFile, Node | undefined>();
  const treeOf = (file: SourceFile): Node | undefined => {
    if (!trees.has(file)) trees.set(file, file.text === null ? undefined : parseTree(file.text));
    return trees.get(file);
  };
  return (pointer) => {
    const parts = pointerParts(pointer);
    const file = (parts[0] === undefined ? undefined : source.files.get(parts[0])) ?? source.document;
    if (file === null) return null;
    const offset = offsetOf(treeOf(file), file.whole ? parts : parts.slice(1));
    return { file: file.file, ...positionAt(file.text ?? '', offset) };
  };
}

/** The findings, each with its location where one is known and it has none yet. */
export function withLocations(
  source: Pick<Source, 'files' | 'document'>,
  findings: readonly Finding[],
): readonly Finding[] {
  const locate = locator(source);
  return findings.map((finding) => {
    const location = finding.location ?? locate(finding.pointer);
    return location === null ? finding : { ...finding, location };
  });
}

/** Offset of the deepest node on the way along `parts`; of the member's name rather than of its value. */
function offsetOf(root: Node | undefined, parts: readonly string[]): number {
  let node = root;
  for (const part of parts) {
    const child = node && findNodeAtLocation(node, [node.type === 'array' ? Number(part) : part]);
    if (child === undefined) break;
    node = child;
  }
  const property = node?.parent?.type === 'property' ? node.parent : node;
  return property?.offset ?? 0;
}
