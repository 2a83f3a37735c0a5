/** What an operator should know of a record that was read, although it can be kept. */
export interface Note {
  readonly code: NoteCode
  /** In full, and without credentials. */
  readonly text: string
}

export type NoteCode =
  /** A property named an image by the number that it had before ids were UUIDs, and names it by its id now. */
  | 'old_id_replaced'
  /** A property names an image by such a number, and which it was cannot be told. */
  | 'old_id_unknown'
  /** No store of ours reads a location of it. */
  | 'no_store'
  /** Its data is in a folder of files that is no store's of ours: it is read there, and not deleted with the image. */
  | 'other_folder'
  /** It was restored in Glance, which did not give back where its data is. */
  | 'restored'
  /** It is active, and it is not said where its data is. */
  | 'no_location'
  /** An upload or an import that was under way. */
  | 'unfinished'
  /** What a location has besides its URL cannot be read. */
  | 'location_metadata'
  /** Memberships of before 2013, which nobody has accepted or rejected. */
  | 'member_status'
