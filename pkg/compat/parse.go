package compat

import "strings"

// ParseConstraint reads a constraint in Composer's syntax, following VersionParser::parseConstraints: exact versions,
// = != <> < <= > >=, ~ and ^, wildcards, hyphen ranges, stability flags; a space or comma for AND, | or || for
// OR. One bad part makes the whole an error, a *[ConstraintError].
//
// Beyond Composer, a range written with an en dash as in documentation ("2.4.6–2.4.6-p8", with or without spaces) means
// the hyphen range "2.4.6 - 2.4.6-p8".
func ParseConstraint(s string) (Constraint, error) {
	alternatives, err := parseAlternatives(s, appendBounds)
	if err != nil && strings.Contains(s, enDash) {
		alternatives, err = parseAlternatives(joinEnDashes(s), appendEnDash)
	}
	if err != nil {
		err.Constraint = s
		return Constraint{}, err
	}
	return Constraint{written: s, alternatives: alternatives}, nil
}

// expand appends the bounds that one part of a constraint stands for.
type expand func(bounds []bound, part string) ([]bound, error)

// parseAlternatives splits a constraint into alternatives and these into parts, and expands the parts.
func parseAlternatives(s string, expand expand) ([][]bound, *ConstraintError) {
	rest, more := strings.Trim(s, trimmed), true
	alternatives := make([][]bound, 0, 1+strings.Count(rest, "|"))
	for more {
		var alternative string
		alternative, rest, more = cutAlternative(rest)
		bounds := make([]bound, 0, 2)
		for next := true; next; {
			var part string
			part, alternative, next = cutPart(alternative)
			from := len(bounds)
			var err error
			if bounds, err = expand(bounds, part); err != nil {
				return nil, &ConstraintError{Constraint: s, Part: part, Err: err}
			}
			for i := range bounds[from:] {
				bounds[from+i].part = part
			}
		}
		alternatives = append(alternatives, bounds)
	}
	return alternatives, nil
}

// cutAlternative cuts s at the first "|" or "||", with the blanks around it.
func cutAlternative(s string) (alternative, rest string, more bool) {
	alternative, rest, more = strings.Cut(s, "|")
	if !more {
		return s, "", false
	}
	rest = strings.TrimPrefix(rest, "|")
	return strings.TrimRight(alternative, blank), strings.TrimLeft(rest, blank), true
}

// cutPart cuts s at the first space or comma that means AND. A space means nothing after an operator, next to a
// hyphen or next to the word "as"; a comma means nothing at either end.
func cutPart(s string) (part, rest string, more bool) {
	for i := 0; i < len(s); i++ {
		if s[i] != ' ' && s[i] != ',' {
			continue
		}
		spaces := countSpaces(s[i:])
		if mayEndPart(s[:i]) {
			if after, ok := cutSeparator(s[i:], spaces, s[i-1] == '-'); ok {
				return s[:i], after, true
			}
		}
		if spaces > 0 {
			i += spaces - 1
		}
	}
	return s, "", false
}

func mayEndPart(s string) bool {
	return s != "" && strings.IndexByte("=>< ,", s[len(s)-1]) < 0 && !strings.HasSuffix(s, "as")
}

// cutSeparator cuts the separator at the beginning of s, which starts with so many spaces: a comma with spaces around
// it or else spaces alone. Where the separator ought to end before something that cannot start a part, it ends
// one space earlier: this is why Composer rejects "2.4.4  -  2.4.5".
func cutSeparator(s string, spaces int, afterHyphen bool) (rest string, ok bool) {
	next := s[spaces:]
	if strings.HasPrefix(next, ",") && (spaces > 0 || !afterHyphen) && !strings.HasPrefix(next, ",-") {
		after := countSpaces(next[1:])
		if rest = next[1+after:]; mayStartPart(rest) {
			return rest, true
		}
		if after > 0 {
			return next[after:], true
		}
	}
	if spaces == 0 || spaces == 1 && afterHyphen {
		return "", false
	}
	if !strings.HasPrefix(next, "-") && mayStartPart(next) {
		return next, true
	}
	if spaces > 2 || spaces == 2 && !afterHyphen {
		if mayStartPart(next) {
			return next, true
		}
		return s[spaces-1:], true
	}
	return "", false
}

func mayStartPart(s string) bool {
	return s != "" && s[0] != ',' && !strings.HasPrefix(s, "as")
}

func countSpaces(s string) int {
	n := 0
	for n < len(s) && s[n] == ' ' {
		n++
	}
	return n
}

const enDash = "–"

// joinEnDashes removes the blanks around en dashes, so that a range written with one is a single part.
func joinEnDashes(s string) string {
	pieces := strings.Split(s, enDash)
	for i, piece := range pieces {
		if i > 0 {
			piece = strings.TrimLeft(piece, blank)
		}
		if i < len(pieces)-1 {
			piece = strings.TrimRight(piece, blank)
		}
		pieces[i] = piece
	}
	return strings.Join(pieces, enDash)
}
