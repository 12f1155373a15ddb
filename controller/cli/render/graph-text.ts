import type { GraphLink } from '../../api/contract.ts';
import type { Terminal } from '../terminal.ts';
import { type Field, tableOf } from './fields.ts';
import { tableText } from './table.ts';
import { printable } from './text.ts';

const processText = (name: string, pid: number): string => (pid === 0 ? name : `${name} (${pid})`);

const fields: readonly Field<GraphLink>[] = [
  { title: 'CONSUMER', show: (link) => processText(link.consumer, link.consumer_pid) },
  { title: 'TARGET', show: ({ target }) => target },
  { title: 'TYPE', show: ({ type }) => type },
  { title: 'ROLE', show: ({ role }) => role },
  { title: 'PROVIDER', show: (link) => processText(link.provider, link.provider_pid) },
  { title: 'SERVICE', flexible: true, show: ({ name }) => name },
  { title: 'SOCKET', flexible: true, show: ({ socket }) => socket },
];

/** One line for each connection; the process id of who runs stands behind its name. */
export function graphTable(
  links: readonly GraphLink[],
  { width, paint }: Pick<Terminal, 'width' | 'paint'>,
): string {
  const { columns, row } = tableOf(fields, false);
  return tableText(columns, links.map(row), width, paint);
}

/** What a connection is called in a picture. */
const labelOf = ({ type, name, target }: GraphLink): string => `${type} ${name} at ${target}`;

/** Consumers and providers, each once, in the order in which they come. */
function nodesOf(links: readonly GraphLink[]): readonly string[] {
  return [...new Set(links.flatMap(({ consumer, provider }) => [consumer, provider]))];
}

/** A quoted string of the DOT language (graphviz.org/doc/info/lang.html): a quote and a backslash would end it or mean something. */
function dotString(text: string): string {
  return `"${printable(text).replace(/["\\]/g, '\\$&')}"`;
}

/** The graph for Graphviz. Connections that lead to nothing are dashed. */
export function dotText(links: readonly GraphLink[]): string {
  const nodes = nodesOf(links).map((name) => `  ${dotString(name)};\n`);
  const edges = links.map((link) => {
    const style = link.socket === '' ? ', style=dashed' : '';
    return `  ${dotString(link.consumer)} -> ${dotString(link.provider)} [label=${dotString(labelOf(link))}${style}];\n`;
  });
  return `digraph holdfast {\n  rankdir=LR;\n  node [shape=box];\n${nodes.join('')}${edges.join('')}}\n`;
}

/** Text in quotes of a Mermaid flowchart: everything but plain characters as an entity of its code point (mermaid.js.org, flowchart syntax). */
function mermaidString(text: string): string {
  const escaped = printable(text).replace(/[^\w ./:*-]/gu, (character) => `#${character.codePointAt(0)};`);
  return `"${escaped}"`;
}

/** The graph for Mermaid. Connections that lead to nothing are dotted. */
export function mermaidText(links: readonly GraphLink[]): string {
  // Names may be words of its language, such as `end`; numbers are not.
  const idOf = new Map(nodesOf(links).map((name, index) => [name, `n${index}`]));
  const nodes = [...idOf].map(([name, id]) => `  ${id}[${mermaidString(name)}]\n`);
  const edges = links.map((link) => {
    const arrow = link.socket === '' ? '-.->' : '-->';
    const [from, to] = [idOf.get(link.consumer) ?? '', idOf.get(link.provider) ?? ''];
    return `  ${from} ${arrow}|${mermaidString(labelOf(link))}| ${to}\n`;
  });
  return `flowchart LR\n${nodes.join('')}${edges.join('')}`;
}
