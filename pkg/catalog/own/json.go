package own

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// An object is a JSON object with its names in order, and its values as they are written.
type object []field

type field struct {
	name  string
	value json.RawMessage
	// at is where the value begins in the text that was read.
	at int
}

// readObject reads a JSON object. PHP writes an empty one as an empty list.
func readObject(src []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(src))
	open, err := dec.Token()
	if err != nil {
		return nil, err
	}
	if open != json.Delim('{') && (open != json.Delim('[') || dec.More()) {
		return nil, errors.New("expected an object")
	}
	var o object
	for open == json.Delim('{') && dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		f := field{}
		f.name, _ = token.(string) // the decoder allows nothing else
		if err := dec.Decode(&f.value); err != nil {
			return nil, err
		}
		f.at = int(dec.InputOffset()) - len(f.value)
		o = append(o, f)
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if rest := bytes.TrimSpace(src[dec.InputOffset():]); len(rest) > 0 {
		return nil, errors.New("something follows the end of the document")
	}
	return o, nil
}

// find returns the place of a name without regard to case, or -1.
func (o object) find(name string) int {
	for i, f := range o {
		if strings.EqualFold(f.name, name) {
			return i
		}
	}
	return -1
}

// get returns the value of a name, or nil.
func (o object) get(name string) json.RawMessage {
	for _, f := range o {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

// set gives a name a value, in its place or at the end.
func (o *object) set(name string, value json.RawMessage) {
	for i, f := range *o {
		if f.name == name {
			(*o)[i].value = value
			return
		}
	}
	*o = append(*o, field{name: name, value: value})
}

// drop takes a name out.
func (o *object) drop(name string) {
	for i, f := range *o {
		if f.name == name {
			*o = append((*o)[:i:i], (*o)[i+1:]...)
			return
		}
	}
}

// text writes the object.
func (o object) text() json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, f := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encode(f.name))
		b.WriteByte(':')
		b.Write(f.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// encode writes a value as people write it, with < and > as they are.
func encode(value any) json.RawMessage {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
		panic(err) // texts, numbers and lists of them always encode
	}
	return bytes.TrimSpace(b.Bytes())
}

// compacted returns a value without blanks between its parts.
func compacted(value json.RawMessage) []byte {
	var b bytes.Buffer
	if err := json.Compact(&b, value); err != nil {
		return nil // there is none
	}
	return b.Bytes()
}

const indent = "    " // as in magento/quality-patches

// splice returns a catalogue's text with the entries of some ids changed or added at the
// end. Every byte of the others stays.
func splice(src []byte, entries map[string]json.RawMessage, order []string) ([]byte, error) {
	o, err := readObject(src)
	if err != nil {
		return nil, err
	}
	end := "\n"
	if bytes.Contains(src, []byte("\r\n")) {
		end = "\r\n"
	}
	pretty := func(value json.RawMessage) []byte {
		var b bytes.Buffer
		if err := json.Indent(&b, value, indent, indent); err != nil {
			panic(err) // it was made of valid JSON
		}
		return bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte(end))
	}
	var out bytes.Buffer
	pos := 0
	for _, f := range o {
		entry, ok := entries[f.name]
		if !ok {
			continue
		}
		if !bytes.Equal(src[f.at:f.at+len(f.value)], f.value) {
			return nil, fmt.Errorf("the entry of %s cannot be found in the text", f.name) // never seen
		}
		out.Write(src[pos:f.at])
		out.Write(pretty(entry))
		pos = f.at + len(f.value)
	}
	var added bytes.Buffer
	for _, id := range order {
		entry, ok := entries[id]
		if !ok || o.get(id) != nil {
			continue
		}
		if added.Len() > 0 || len(o) > 0 {
			added.WriteByte(',')
		}
		added.WriteString(end + indent)
		added.Write(encode(id))
		added.WriteString(": ")
		added.Write(pretty(entry))
	}
	switch {
	case added.Len() == 0:
		out.Write(src[pos:])
	case len(o) == 0:
		out.WriteString("{" + added.String() + end + "}" + end)
	default:
		last := o[len(o)-1]
		behind := last.at + len(last.value)
		if pos < behind {
			out.Write(src[pos:behind])
		}
		out.Write(added.Bytes())
		out.Write(src[behind:])
	}
	return out.Bytes(), nil
}
