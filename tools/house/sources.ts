import { dirname, relative } from 'node:path';
import type { Node, SourceFile } from 'typescript/unstable/ast';
import {
  isArrowFunction,
  isCallExpression,
  isConstructorDeclaration,
  isExportDeclaration,
  isFunctionDeclaration,
  isFunctionExpression,
  isGetAccessorDeclaration,
  isIdentifier,
  isImportDeclaration,
  isMethodDeclaration,
  isNewExpression,
  isNoSubstitutionTemplateLiteral,
  isPrivateIdentifier,
  isPropertyAccessExpression,
  isPropertyAssignment,
  isSetAccessorDeclaration,
  isStringLiteral,
  isTemplateHead,
  isVariableDeclaration,
  SyntaxKind,
} from 'typescript/unstable/ast';
import { API } from 'typescript/unstable/sync';

/** One module that a file names, in whichever way. */
export interface ImportedModule {
  readonly specifier: string;
  /** `import type` or `export type`: gone when the file runs. */
  readonly typeOnly: boolean;
  /** Names taken from it; empty for whole modules and dynamic imports. */
  readonly names: readonly string[];
}

/** A function with a body that has a name, or gets one from what it is assigned to. */
export interface FunctionSize {
  readonly name: string;
  readonly line: number;
  /** Lines from its head to its closing brace, without the docstring. */
  readonly lines: number;
}

/** What the house rules ask about one source file. */
export interface Source {
  /** From the project's directory, with `/`. */
  readonly path: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly ImportedModule[];
  readonly functions: readonly FunctionSize[];
  /** String literals and heads of templates, as they read. */
  readonly strings: readonly string[];
  /** What is called, constructed or read, as it is spelled: `Date.now`, `setTimeout`, `new Date()`. */
  readonly uses: readonly string[];
}

function lineOf(file: SourceFile, position: number): number {
  const starts = file.getLineStarts();
  const after = starts.findIndex((start) => start > position);
  return after === -1 ? starts.length : after;
}

function descendants(node: Node): readonly Node[] {
  const found: Node[] = [];
  const visit = (child: Node): void => {
    found.push(child);
    child.forEachChild(visit);
  };
  node.forEachChild(visit);
  return found;
}

function importedNames(clause: Node | undefined): readonly string[] {
  if (clause === undefined) return [];
  return descendants(clause).flatMap((node) => (isIdentifier(node) ? [node.text] : []));
}

function importOf(node: Node): readonly ImportedModule[] {
  if (isImportDeclaration(node) && isStringLiteral(node.moduleSpecifier)) {
    const typeOnly = node.importClause?.phaseModifier === SyntaxKind.TypeKeyword;
    return [{ specifier: node.moduleSpecifier.text, typeOnly, names: importedNames(node.importClause) }];
  }
  if (
    isExportDeclaration(node) &&
    node.moduleSpecifier !== undefined &&
    isStringLiteral(node.moduleSpecifier)
  ) {
    const names = importedNames(node.exportClause);
    return [{ specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly, names }];
  }
  if (!isCallExpression(node) || node.expression.kind !== SyntaxKind.ImportKeyword) return [];
  const [specifier] = node.arguments;
  const text = specifier !== undefined && isStringLiteral(specifier) ? specifier.text : '(computed)';
  return [{ specifier: text, typeOnly: false, names: [] }];
}

function nameText(name: Node | undefined): string {
  if (name === undefined) return '(anonymous)';
  return isIdentifier(name) || isPrivateIdentifier(name) || isStringLiteral(name) ? name.text : '(computed)';
}

/** The name that a function has or gets; null for one that is passed on as it stands. */
function functionName(node: Node): string | null {
  if (isConstructorDeclaration(node)) return 'constructor';
  const named =
    isFunctionDeclaration(node) ||
    isMethodDeclaration(node) ||
    isGetAccessorDeclaration(node) ||
    isSetAccessorDeclaration(node);
  if (named) return nameText(node.name);
  if (!isArrowFunction(node) && !isFunctionExpression(node)) return null;
  const holder = node.parent;
  if (!isVariableDeclaration(holder) && !isPropertyAssignment(holder)) return null;
  return nameText(holder.name);
}

function functionOf(file: SourceFile, node: Node): readonly FunctionSize[] {
  const name = functionName(node);
  if (name === null || !('body' in node) || node.body === undefined) return [];
  const line = lineOf(file, node.getStart(file, false));
  return [{ name, line, lines: lineOf(file, node.end) - line + 1 }];
}

function stringOf(node: Node): readonly string[] {
  const isText = isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node) || isTemplateHead(node);
  return isText ? [node.text] : [];
}

function useOf(node: Node): readonly string[] {
  if (isPropertyAccessExpression(node) && isIdentifier(node.expression)) {
    return [`${node.expression.text}.${node.name.text}`];
  }
  if (isNewExpression(node) && isIdentifier(node.expression)) {
    return [`new ${node.expression.text}(${(node.arguments ?? []).length === 0 ? '' : '…'})`];
  }
  return isCallExpression(node) && isIdentifier(node.expression) ? [node.expression.text] : [];
}

function readSource(root: string, file: SourceFile): Source {
  const nodes = descendants(file);
  return {
    path: relative(root, file.fileName),
    text: file.text,
    lines: file.text.trimEnd().split('\n').length,
    imports: nodes.flatMap(importOf),
    functions: nodes.flatMap((node) => functionOf(file, node)),
    strings: nodes.flatMap(stringOf),
    uses: nodes.flatMap(useOf),
  };
}

/**
 * Reads every source file of the TypeScript project at `configFile` with the compiler's own parser. `overlay` (absolute
 * path → text) stands over the file system: for files that exist in a test alone. Throws when there is no such project.
 */
export function readSources(
  configFile: string,
  overlay: Readonly<Record<string, string>> = {},
): readonly Source[] {
  const root = dirname(configFile);
  const api = new API({
    cwd: root,
    fs: {
      readFile: (name) => overlay[name],
      fileExists: (name) => (overlay[name] === undefined ? undefined : true),
    },
  });
  try {
    using snapshot = api.updateSnapshot({ openProjects: [configFile] });
    const project = snapshot.getProject(configFile);
    if (project === undefined) throw new Error(`found no TypeScript project at ${configFile}`);
    return project.rootFiles.flatMap((name) => {
      const file = project.program.getSourceFile(name);
      return file === undefined ? [] : [readSource(root, file)];
    });
  } finally {
    api.close();
  }
}
