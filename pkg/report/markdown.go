package report

import (
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// markdown writes an article for a terminal: headings, paragraphs, lists and code.
// Its front matter is left out; the patch's own fields say the same.
func (p *printer) markdown(src string) {
	source := []byte(withoutFrontMatter(strings.ReplaceAll(src, "\r\n", "\n")))
	md := goldmark.New(goldmark.WithExtensions(extension.Table))
	doc := md.Parser().Parse(text.NewReader(source))
	p.blocks(doc, source, "")
}

func withoutFrontMatter(src string) string {
	rest, ok := strings.CutPrefix(src, "---\n")
	if !ok {
		return src
	}
	if _, body, ok := strings.Cut(rest, "\n---\n"); ok {
		return body
	}
	return src
}

func (p *printer) blocks(parent ast.Node, source []byte, indent string) {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if n.PreviousSibling() != nil && !tight(n) {
			p.blank()
		}
		switch n := n.(type) {
		case *ast.Heading:
			p.wrapped(indent, p.paint(strong, inline(p, n, source)))
		case *ast.List:
			p.list(n, source, indent)
		case *ast.FencedCodeBlock, *ast.CodeBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				p.line("%s    %s", indent, cleanLine(string(line.Value(source))))
			}
		case *ast.HTMLBlock:
			for i := range n.Lines().Len() {
				line := n.Lines().At(i)
				p.line("%s%s", indent, cleanLine(string(line.Value(source))))
			}
		case *extast.Table:
			p.markdownTable(n, source)
		case *ast.Blockquote:
			p.blocks(n, source, indent+"  ")
		case *ast.ThematicBreak:
			p.line("%s---", indent)
		default:
			p.wrapped(indent, inline(p, n, source))
		}
	}
}

// markdownTable writes a table. Its rows have as many cells as its header, goldmark sees to that.
func (p *printer) markdownTable(t *extast.Table, source []byte) {
	var headers []string
	var rows [][]cell
	for row := t.FirstChild(); row != nil; row = row.NextSibling() {
		var cells []cell
		for c := row.FirstChild(); c != nil; c = c.NextSibling() {
			cells = append(cells, cell{inline(p, c, source), plain})
		}
		if _, head := row.(*extast.TableHeader); !head {
			rows = append(rows, cells)
			continue
		}
		for _, c := range cells {
			headers = append(headers, c.text)
		}
	}
	p.table(headers, rows)
}

// tight reports whether no blank line belongs before a block: items of a list.
func tight(n ast.Node) bool {
	_, block := n.(*ast.TextBlock)
	_, item := n.Parent().(*ast.ListItem)
	return block || item
}

func (p *printer) list(l *ast.List, source []byte, indent string) {
	number := l.Start
	for item := l.FirstChild(); item != nil; item = item.NextSibling() {
		label := "- "
		if l.IsOrdered() {
			label = strconv.Itoa(number) + ". "
			number++
		}
		// The first block of an item stands behind its label, the others below.
		first := item.FirstChild()
		if first != nil {
			p.wrapped(indent+label, inline(p, first, source))
			item.RemoveChild(item, first)
		}
		p.blocks(item, source, indent+strings.Repeat(" ", lipgloss.Width(label)))
	}
}

// inline returns the text of a block with its emphasis.
func inline(p *printer, n ast.Node, source []byte) string {
	var b strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			value := c.Value(source)
			if _, code := n.(*ast.CodeSpan); !code {
				value = util.UnescapePunctuations(util.ResolveEntityNames(util.ResolveNumericReferences(value)))
			}
			b.WriteString(Clean(string(value)))
			if c.SoftLineBreak() || c.HardLineBreak() {
				b.WriteByte(' ')
			}
		case *ast.String:
			b.WriteString(Clean(string(c.Value)))
		case *ast.CodeSpan:
			b.WriteString(p.paint(strong, inline(p, c, source)))
		case *ast.Emphasis:
			b.WriteString(p.paint(strong, inline(p, c, source)))
		case *ast.Link:
			b.WriteString(inline(p, c, source) + " <" + Clean(string(c.Destination)) + ">")
		case *ast.AutoLink:
			b.WriteString(Clean(string(c.URL(source))))
		default:
			b.WriteString(inline(p, c, source))
		}
	}
	return b.String()
}
