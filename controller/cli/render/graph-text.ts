import type { GraphLink } from '../../api/contract.ts';
import type { Terminal } from '../terminal.ts';
import { type Field, tableOf } from './fields.ts';
import { tableText } from './table.ts';
import { printable } from './text.ts';

const processText = (name: string, pid: number): string => (pid === 0 ? name : `${name} (${pid})`);

/** Names and paths that are alike differ at their ends more often than not. */
const name = { flexible: 'last', least: 12, keeps: 'end' } as const;
const path = { flexible: true, keeps: 'end' } as const;

const fields: readonly Field<GraphLink>[] = [
  { title: 'CONSUMER', ...name, show: (link) => processText(link.consumer, link.consumer_pid) },
  { title: 'TARGET', ...path, show: ({ target }) => target },
  { title: 'TYPE', show: ({ type }) => type },
  { title: 'ROLE', flexible: true, least: 6, show: ({ role }) => role },
  { title: 'PROVIDER', ...name, show: (link) => processText(link.provider, link.provider_pid) },
  { title: 'SERVICE', flexible: true, least: 8, show: ({ name }) => name },
  { title: 'SOCKET', ...path, show: ({ socket }) => socket },
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
function labelOf({ type, name, role, target }: GraphLink): string {
  return `${type} ${name}, role ${role}, at ${target}`;
}

/** Consumers and providers, each once, in the order in which they come, with ids that are words of no language. */
function nodesOf(links: readonly GraphLink[]): ReadonlyMap<string, string> {
  const names = new Set(links.flatMap(({ consumer, provider }) => [consumer, provider]));
  return new Map([...names].map((name, index) => [name, `n${index}`]));
}

/**
 * Text in a quoted string of the DOT language (graphviz.org/doc/info/lang.html): a quote would end it, a backslash begins an escape of labels,
 * and an ampersand an entity.
 */
function dotString(text: string): string {
  return `"${printable(text).replaceAll('&', '&amp;').replace(/["\\]/g, '\\$&')}"`;
}

/** The graph for Graphviz, from consumers to providers. Connections that lead to nothing are dashed. */
export function dotText(links: readonly GraphLink[]): string {
  const ids = nodesOf(links);
  const nodes = [...ids].map(([name, id]) => `  ${id} [label=${dotString(name)}];\n`);
  const edges = links.map((link) => {
    const style = link.socket === '' ? ', style=dashed' : '';
    const [from, to] = [ids.get(link.consumer) ?? '', ids.get(link.provider) ?? ''];
    return `  ${from} -> ${to} [label=${dotString(labelOf(link))}${style}];\n`;
  });
  return `digraph holdfast {\n  rankdir=LR;\n  node [shape=box];\n${nodes.join('')}${edges.join('')}}\n`;
}

/** Text in quotes of a Mermaid flowchart: everything but plain characters as an entity of its code point (mermaid.js.org, flowchart syntax). */
function mermaidString(text: string): string {
  const escaped = printable(text).replace(/[^\w ./:,-]/gu, (character) => `#${character.codePointAt(0)};`);
  return `"${escaped}"`;
}

/** The graph for Mermaid, from consumers to providers. Connections that lead to nothing are dotted. */
export function mermaidText(links: readonly GraphLink[]): string {
  const ids = nodesOf(links);
  const nodes = [...ids].map(([name, id]) => `  ${id}[${mermaidString(name)}]\n`);
  const edges = links.map((link) => {
    const arrow = link.socket === '' ? '-.->' : '-->';
    const [from, to] = [ids.get(link.consumer) ?? '', ids.get(link.provider) ?? ''];
    return `  ${from} ${arrow}|${mermaidString(labelOf(link))}| ${to}\n`;
  });
  return `flowchart LR\n${nodes.join('')}${edges.join('')}`;
}
