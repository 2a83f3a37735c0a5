/** How Glance tells what is wrong with a part of a namespace (glance/common/exception.py, glance/db). */
export interface Wording {
  readonly notFound: (name: string) => string
  readonly duplicate: (name: string, namespace: string) => string
  /** When an update would make a duplicate. */
  readonly wouldDuplicate: (name: string, namespace: string) => string
  /** What is protected. */
  readonly called: (name: string) => string
}

export const PROPERTY_WORDING: Wording = {
  notFound: name => `could not find property ${name}`,
  duplicate: (name, namespace) =>
    `a metadata definition property with name=${name} already exists in namespace=${namespace}.`,
  wouldDuplicate: (name, namespace) =>
    'invalid update. It would result in a duplicate metadata definition property' +
    ` with the same name=${name} in namespace=${namespace}.`,
  called: name => `property ${name}`,
}

export const OBJECT_WORDING: Wording = {
  notFound: name => `could not find metadata object ${name}`,
  duplicate: (name, namespace) =>
    `a metadata definition object with name=${name} already exists in namespace=${namespace}.`,
  wouldDuplicate: (name, namespace) =>
    'invalid update. It would result in a duplicate metadata definition object' +
    ` with the same name=${name} in namespace=${namespace}.`,
  called: name => `object ${name}`,
}

const duplicateTag = (name: string, namespace: string) =>
  `a metadata tag with name=${name} already exists in namespace=${namespace}.` +
  ' (Please note that metadata tag names are case insensitive).'

export const TAG_WORDING: Wording = {
  notFound: name => `could not find metadata tag ${name}`,
  duplicate: duplicateTag,
  wouldDuplicate: duplicateTag,
  called: name => `tag ${name}`,
}
