/** Where one copy of an image's data is kept. */
export interface ImageLocation {
  /** In the form of the store that wrote it, such as `file:///var/lib/glance/images/<id>`. */
  readonly url: string
  /** Location metadata; `store` names the store when there are several. */
  readonly metadata: Readonly<Record<string, unknown>>
}
