package project

import "strings"

// ToGit maps a path of the Composer layout ("vendor/magento/module-cms/Model/Page.php") to where that file lies in
// Magento's repository ("app/code/Magento/Cms/Model/Page.php"). Paths that are the same in both layouts, and those of
// packages that Magento's repository does not hold, stay as they are. It knows names alone; [Installation.Path] also
// looks at what is there.
func ToGit(p string) string {
	own, ok := strings.CutPrefix(p, "vendor/magento/")
	if !ok {
		return p
	}
	name, file, _ := strings.Cut(own, "/")
	var nothingKnown pathMap
	dir, ok := nothingKnown.dirOf(name)
	if !ok || file == "" {
		return p
	}
	if language, ok := strings.CutPrefix(name, "language-"); ok {
		dir = i18nDir + "/" + locale(language)
	}
	return joinSlash(dir, file)
}

// ToComposer is the reverse of [ToGit]: it maps a path of Magento's repository to where Composer installs that file.
// What Composer copies into the root (app/etc, lib/web, setup, pub, dev and others, from magento/magento2-base) stays
// there: the copy is what a shop runs.
func ToComposer(p string) string {
	for _, rule := range []struct {
		dir string
		pkg func(name string) string
	}{
		{codeDir, func(name string) string { return "module-" + kebabCase(name) }},
		{i18nDir, func(name string) string { return "language-" + strings.ToLower(name) }},
		{designDir + "frontend/Magento", func(name string) string { return "theme-frontend-" + strings.ToLower(name) }},
		{designDir + "adminhtml/Magento", func(name string) string { return "theme-adminhtml-" + strings.ToLower(name) }},
	} {
		rest, ok := strings.CutPrefix(p, rule.dir+"/")
		if !ok {
			continue
		}
		name, file, _ := strings.Cut(rest, "/")
		if file == "" || name == "" || strings.Trim(name, nameLetters+"_") != "" {
			return p
		}
		return "vendor/magento/" + rule.pkg(name) + "/" + file
	}
	rest, ok := strings.CutPrefix(p, frameworkDir+"/")
	if !ok || rest == "" {
		return p
	}
	name, file, _ := strings.Cut(rest, "/")
	switch name {
	case "Amqp", "Bulk", "ForeignKey", "MessageQueue":
		if file != "" {
			return "vendor/magento/framework-" + kebabCase(name) + "/" + file
		}
	}
	return "vendor/magento/framework/" + rest
}

// PackageOf returns the Composer package that a path of the Composer layout belongs to: what does not lie in vendor
// comes from magento/magento2-base.
func PackageOf(p string) string {
	parts := strings.SplitN(p, "/", 4)
	if len(parts) == 4 && parts[0] == "vendor" {
		return parts[1] + "/" + parts[2]
	}
	return basePackage
}

// nameLetters are what names of modules consist of.
const nameLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// kebabCase turns "CatalogGraphQl" into "catalog-graph-ql", the reverse of camelCase. A number that follows a
// small letter is a word of its own (Elasticsearch7), one behind a capital is not (AwsS3).
func kebabCase(s string) string {
	s = strings.ReplaceAll(s, "SaaS", "Saas") // the one acronym that the packages write as a word
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		upper, digit := c >= 'A' && c <= 'Z', c >= '0' && c <= '9'
		afterSmall := i > 0 && s[i-1] >= 'a' && s[i-1] <= 'z'
		if i > 0 && (upper || digit && afterSmall) {
			b.WriteByte('-')
		}
		b.WriteByte(c)
	}
	return strings.ToLower(b.String())
}

// locale gives a language its usual case: "zh_hans_cn" is zh_Hans_CN. The packages have it in lower case.
func locale(s string) string {
	parts := strings.Split(s, "_")
	for i, part := range parts {
		switch {
		case i == 0:
		case len(part) == 2:
			parts[i] = strings.ToUpper(part)
		case len(part) == 4:
			parts[i] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "_")
}
