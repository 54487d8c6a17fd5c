import { readFileSync } from 'node:fs';
import ts from 'typescript';

/**
 * The properties of an interface or a type as a table, from their doc comments.
 * @param source the file's path and the name of the type: `src/auth/options/auth.options.ts#SessionOptions`
 * @throws Error where there is no such type, or a property has no doc comment
 */
export function optionsTable(source: string): string {
  const [path = '', name = ''] = source.split('#');
  const file = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const rows = propertiesOf(file, name).map((property) => {
    // A group of options is described where its type is.
    const about = commentOf(property) || commentOf(declarationOf(file, typeText(property, file)));
    if (about === '') throw new Error(`${source}: ${property.name.getText(file)} takes a doc comment.`);
    return `| \`${property.name.getText(file)}\` | ${about} | \`${inCell(typeText(property, file))}\` |`;
  });
  return ['| option | what it is | type |', '| --- | --- | --- |', ...rows].join('\n');
}

type TypeDeclaration = ts.InterfaceDeclaration | ts.TypeAliasDeclaration;

function declarationOf(file: ts.SourceFile, name: string): TypeDeclaration | undefined {
  return file.statements.find(
    (statement): statement is TypeDeclaration =>
      (ts.isInterfaceDeclaration(statement) || ts.isTypeAliasDeclaration(statement)) && statement.name.text === name,
  );
}

/** All properties that a type declares: its own, and those of the types of the same file that it is made of. */
function propertiesOf(file: ts.SourceFile, name: string): ts.PropertySignature[] {
  const declared = declarationOf(file, name);
  if (declared === undefined) throw new Error(`${file.fileName}: has no type ${name}.`);
  if (ts.isInterfaceDeclaration(declared)) {
    const bases = (declared.heritageClauses ?? []).flatMap(({ types }) => types.map((type) => type.getText(file)));
    return [...declared.members.filter(ts.isPropertySignature), ...bases.flatMap((base) => propertiesOf(file, base))];
  }
  const parts = (type: ts.TypeNode): ts.PropertySignature[] => {
    if (ts.isIntersectionTypeNode(type) || ts.isUnionTypeNode(type)) return type.types.flatMap(parts);
    if (ts.isParenthesizedTypeNode(type)) return parts(type.type);
    if (ts.isTypeLiteralNode(type)) return type.members.filter(ts.isPropertySignature);
    return propertiesOf(file, type.getText(file));
  };
  return parts(declared.type);
}

/** A doc comment in one line; an empty line in it begins a new one of the cell. */
function commentOf(node: ts.Node | undefined): string {
  const comments = (node ? ts.getJSDocCommentsAndTags(node) : []).filter(ts.isJSDoc);
  const text = comments.map(({ comment }) => ts.getTextOfJSDocComment(comment) ?? '').join('\n\n');
  const paragraphs = text.trim().split(/\n{2,}/);
  return inCell(paragraphs.map((paragraph) => paragraph.replaceAll('\n', ' ')).join('<br>'));
}

function typeText({ type }: ts.PropertySignature, file: ts.SourceFile): string {
  return (type?.getText(file) ?? '').replace(/ \| undefined$/, '');
}

/** A bar would end the cell. */
function inCell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}
