// Package own turns loose diffs into patches of a shop's own catalogue: it reads their
// names, finds out what they are for, knows those that a catalogue has already, and
// writes the entries. What is written has the format of magento/quality-patches.
package own
