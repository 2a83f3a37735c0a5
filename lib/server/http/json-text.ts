/** A document that a route has made JSON of already. */
export class JsonText {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}
