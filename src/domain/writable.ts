/**
 * The owner's view of an object that others only read.
 *
 * What is read for every endpoint of every call is kept in plain fields and not behind getters: V8 turns
 * every object that is created with getters of its own into a hash table, slow to read and large.
 */
export type Writable<T> = { -readonly [Name in keyof T]: T[Name] };
