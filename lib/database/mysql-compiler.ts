import {
  type ColumnDefinitionNode,
  type CreateTableNode,
  type DataTypeNode,
  ForeignKeyConstraintNode,
  MysqlQueryCompiler,
  ColumnNode,
} from 'kysely'

/** Makes tables of what other engines understand as it is. */
export class MysqlCompiler extends MysqlQueryCompiler {
  readonly #collation: string

  /** `collation` is that of all text. */
  constructor(collation: string) {
    super()
    this.#collation = collation
  }

  protected override visitCreateTable(node: CreateTableNode): void {
    // MySQL passes over the REFERENCES of a column.
    const constraints = [...(node.constraints ?? []), ...node.columns.flatMap(foreignKeyOf)]
    const columns = node.columns.map(withoutReferences)
    super.visitCreateTable({ ...node, columns, constraints })
    this.append(` engine = InnoDB character set utf8mb4 collate ${this.#collation}`)
  }

  /** MySQL's `text` is of 64 KiB at most. */
  protected override visitDataType(node: DataTypeNode): void {
    const isText = node.dataType === 'text' && this.parentNode?.kind === 'ColumnDefinitionNode'
    if (isText) this.append('longtext')
    else super.visitDataType(node)
  }
}

function foreignKeyOf({ column, references }: ColumnDefinitionNode): ForeignKeyConstraintNode[] {
  if (references === undefined) return []
  return [
    ForeignKeyConstraintNode.create([ColumnNode.create(column.column.name)], references.table, [
      ...references.columns,
    ]),
  ]
}

function withoutReferences(node: ColumnDefinitionNode): ColumnDefinitionNode {
  const { references, ...column } = node
  return references === undefined ? node : column
}
