import { OCTETS, type Row, type Who } from './table.ts'

/** Metadata as headers: `{ disk_format: 'raw' }` and properties under `property-`. */
export function meta(fields: Readonly<Record<string, string | number | boolean>>) {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [`x-image-meta-${name}`, String(value)]),
  )
}

/** What an image needs in order to take any data. */
export const RAW = { disk_format: 'raw', container_format: 'bare' } as const

/** The MD5 of `data`. */
export const MD5 = '8d777f385d3dfec8815d20f7496026dc'
/** The MD5 of nothing. */
export const MD5_OF_NOTHING = 'd41d8cd98f00b204e9800998ecf8427e'

/** A row that makes an image, of the name that its id stands under; without data unless some is given. */
export function make(
  name: string,
  fields: Readonly<Record<string, string | number | boolean>> = RAW,
  { data, as = 'owner', ...rest }: Partial<Row> & { readonly data?: string } = {},
): Row {
  return {
    title: `${name} is created`,
    as,
    ask: 'POST /v1/images',
    headers: { ...meta({ id: `{${name}}`, name, ...fields }), ...(data !== undefined && OCTETS) },
    ...(data !== undefined && { body: data }),
    status: 201,
    ...rest,
  }
}

/** A row that changes the metadata of an image. */
export function change(
  name: string,
  fields: Readonly<Record<string, string | number | boolean>>,
  { headers, title, ...rest }: Partial<Row> & Pick<Row, 'title'>,
): Row {
  const ask = `PUT /v1/images/{${name}}`
  return { title, ask, headers: { ...meta(fields), ...headers }, status: 200, ...rest }
}

/** A row that asks for the metadata of an image. */
export function head(name: string, title: string, rest: Partial<Row> = {}): Row {
  return { title, ask: `HEAD /v1/images/{${name}}`, status: 200, ...rest }
}

/** Rows that look what has become of an image, for administrators. */
export function status(name: string, title: string, is: string, as: Who = 'admin'): Row {
  return head(name, title, { as, answers: { 'x-image-meta-status': is } })
}
