package project

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrNotInstallation is wrapped by the errors of [Find] and [Open] for a folder that holds no Composer project.
var ErrNotInstallation = errors.New("not a Magento installation")

// ErrNoMagento is wrapped by the error of [Open] for a Composer project without the base package of Magento.
var ErrNoMagento = errors.New("magento/magento2-base is not installed")

// FileError reports a file that exists but cannot be used.
type FileError struct {
	Path string // as opened
	Line int    // counted from 1; 0 if the trouble has no place in the text
	Col  int    // in characters, counted from 1; 0 if Line is
	Err  error
}

// Error implements error.
func (e *FileError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("cannot use %s: %v", e.Path, e.Err)
	}
	return fmt.Sprintf("cannot use %s: line %d, column %d: %v", e.Path, e.Line, e.Col, e.Err)
}

// Unwrap returns the cause.
func (e *FileError) Unwrap() error { return e.Err }

// jsonError locates err, which decoding data gave, in the file.
func jsonError(path string, data []byte, err error) error {
	offset := int64(-1)
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		offset = syntax.Offset
	case errors.As(err, &kind):
		offset = kind.Offset
	}
	failure := &FileError{Path: path, Err: fmt.Errorf("it is not valid JSON: %w", err)}
	switch {
	case bytes.HasPrefix(data, []byte("\ufeff")):
		failure.Err = errors.New("it begins with a byte order mark, which Composer refuses, too; save it as UTF-8 without one")
	case kind != nil && kind.Field != "":
		failure.Err = fmt.Errorf("%s: another kind of value than this %s is expected", kind.Field, kind.Value)
	case kind != nil:
		failure.Err = fmt.Errorf("another kind of value than this %s is expected", kind.Value)
	}
	if offset > 0 && offset <= int64(len(data)) {
		before := data[:offset-1]
		failure.Line = 1 + bytes.Count(before, []byte("\n"))
		failure.Col = 1 + utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:])
	}
	return failure
}
