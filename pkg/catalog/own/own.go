// Package own edits a shop's own catalogue, a folder in the format of
// magento/quality-patches: it puts entries and their diffs in, and keeps every other byte.
// It also turns loose diffs into such entries: it reads their names, finds out what they
// are for, and knows those that a catalogue has already.
package own
