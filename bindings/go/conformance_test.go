package microsandbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	m "github.com/superradcompany/microsandbox/sdk/go"
)

// The cases that the bindings for all languages run; tests/conformance/README.md describes them.

type conformanceCase struct {
	Name, Release, Needs string
	Steps                []conformanceStep
}

type conformanceStep struct {
	Op            string
	Args          map[string]interface{}
	On, Save      string
	Returns       *json.RawMessage
	Fails         *conformanceFailure
	CancelAfterMS *int64 `json:"cancel_after_ms"`
	TimeoutMS     *int64 `json:"timeout_ms"`
	Progress      *struct{ Phases []string }
}

type conformanceFailure struct {
	Kind, Message string
	Contains      []string
}

func TestConformance(t *testing.T) {
	inputs, cases := os.Getenv("MSB_CONFORMANCE_INPUTS"), os.Getenv("MSB_CONFORMANCE_CASES")
	if inputs == "" || cases == "" {
		t.Skip("MSB_CONFORMANCE_INPUTS and MSB_CONFORMANCE_CASES are not set; ctest sets them")
	}
	files, err := filepath.Glob(filepath.Join(cases, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s, %v", cases, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var suite struct {
			Cases []conformanceCase
		}
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		decoder.UseNumber()
		if err := decoder.Decode(&suite); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, c := range suite.Cases {
			c := c
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json")+"/"+c.Name, func(t *testing.T) { runCase(t, inputs, c) })
		}
	}
}

// A conformer runs the steps of one case.
type conformer struct {
	*testing.T
	ctx    context.Context
	values map[string]interface{} // what earlier steps saved, as the cases see it
	live   map[string]interface{} // and as Go does
}

func runCase(t *testing.T, inputs string, conformance conformanceCase) {
	if _, err := os.Stat(filepath.Join(inputs, conformance.Needs)); err != nil {
		t.Skipf("no %s among the inputs", conformance.Needs)
	}
	before := m.LiveHandles()
	ctx, client := newHomeOf(t, conformance.Release)
	work := t.TempDir()
	c := &conformer{T: t, ctx: ctx, live: map[string]interface{}{}, values: map[string]interface{}{
		"home": realPath(t, client.Home()), "work": realPath(t, work), "inputs": realPath(t, inputs),
	}}
	for i, step := range conformance.Steps {
		if c.run(step); t.Failed() {
			t.Fatalf("at step %d, %s", i+1, step.Op)
		}
	}
	if client.Home() != "" {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	}
	if left := m.LiveHandles(); left > before {
		t.Errorf("%d objects of the library are left", left-before)
	}
}

func realPath(t *testing.T, path string) string {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return real
}

func (c *conformer) run(step conformanceStep) {
	perform, known := operations[step.Op]
	if !known {
		c.Fatalf("unknown operation")
	}
	args, _ := c.fill(mapOrNil(step.Args)).(map[string]interface{})
	ctx, ended := c.ctx, time.Time{}
	if step.TimeoutMS != nil {
		timed, cancel := context.WithTimeout(ctx, time.Duration(*step.TimeoutMS)*time.Millisecond)
		defer cancel()
		ctx, ended = timed, time.Now().Add(time.Duration(*step.TimeoutMS)*time.Millisecond)
	}
	if step.CancelAfterMS != nil {
		cancelled, cancel := context.WithCancel(ctx)
		defer cancel()
		ctx, ended = cancelled, time.Now().Add(time.Duration(*step.CancelAfterMS)*time.Millisecond)
		if *step.CancelAfterMS == 0 {
			cancel()
		} else {
			defer time.AfterFunc(time.Until(ended), cancel).Stop()
		}
	}
	var events []m.Progress
	if step.Progress != nil {
		ctx = m.WithProgress(ctx, func(p m.Progress) { events = append(events, p) })
	}

	value, live, err := perform(ctx, conformanceArgs{args, c.live[step.On]})
	if late := time.Since(ended); !ended.IsZero() && late > 250*time.Millisecond*slowness/4 {
		c.Errorf("ended %v after it was told to", late)
	}
	if step.Fails != nil {
		c.wantFailure(err, step.Fails)
		return
	}
	if err != nil {
		c.Errorf("failed: %v", err)
		return
	}
	if step.Progress != nil {
		c.wantProgress(events, step.Progress.Phases)
	}
	got := plain(value)
	if step.Returns != nil {
		if problem := matches(c.fill(decode(*step.Returns)), got); problem != "" {
			c.Errorf("returned %s: %s", show(got), problem)
		}
	}
	if step.Save != "" {
		c.values[step.Save], c.live[step.Save] = got, live
		if list := reflect.ValueOf(live); live != nil && list.Kind() == reflect.Slice {
			for i := 0; i < list.Len(); i++ {
				c.live[fmt.Sprintf("%s.%d", step.Save, i)] = list.Index(i).Interface()
			}
		}
	}
}

func (c *conformer) wantFailure(err error, want *conformanceFailure) {
	var failure *m.Error
	if !errors.As(err, &failure) {
		c.Errorf("got %v, want a failure of kind %s", err, want.Kind)
		return
	}
	if kind := kindOfTag(want.Kind); failure.Kind != kind {
		c.Errorf("got kind %v (%v), want %v", failure.Kind, err, kind)
	}
	if failure.Kind == m.ErrCancelled {
		if deadline := want.Kind == "deadline_exceeded"; errors.Is(err, context.DeadlineExceeded) != deadline {
			c.Errorf("cause is %v", failure.Cause)
		}
		return // its message is the context's
	}
	if code := failure.Code(); code != "" && code != want.Kind {
		c.Errorf("got code %s (%v), want %s", code, err, want.Kind)
	}
	if lead := c.fill(want.Message).(string); !strings.HasPrefix(err.Error(), lead) {
		c.Errorf("got %q, want it to begin with %q", err, lead)
	}
	for _, word := range want.Contains {
		if word := c.fill(word).(string); !strings.Contains(err.Error(), word) {
			c.Errorf("got %q, want %q in it", err, word)
		}
	}
}

func (c *conformer) wantProgress(events []m.Progress, phases []string) {
	next := 0
	for _, event := range events {
		if next < len(phases) && event.Phase.String() == phases[next] {
			next++
		}
		if event.TotalKnown && event.Done > event.Total {
			c.Errorf("%v: %d done of %d", event.Phase, event.Done, event.Total)
		}
	}
	if next < len(phases) || events[len(events)-1].Phase != m.PhaseComplete {
		c.Errorf("events %+v, want %q", events, phases)
	}
}

func kindOfTag(tag string) m.ErrorKind {
	for value := 0; value < 1000; value++ {
		if _, known, kind := m.StatusOf(value); known == tag {
			return kind
		}
	}
	return -1
}

// fill replaces ${…} in every string.
func (c *conformer) fill(value interface{}) interface{} {
	switch v := value.(type) {
	case string:
		for {
			start := strings.Index(v, "${")
			if start < 0 {
				return v
			}
			end := start + strings.Index(v[start:], "}")
			v = v[:start] + fmt.Sprint(c.at(v[start+2:end])) + v[end+1:]
		}
	case []interface{}:
		filled := make([]interface{}, len(v))
		for i := range v {
			filled[i] = c.fill(v[i])
		}
		return filled
	case map[string]interface{}:
		filled := make(map[string]interface{}, len(v))
		for key := range v {
			filled[key] = c.fill(v[key])
		}
		return filled
	}
	return value
}

// at is a saved value or a member of one, "name.0.field"; nil for "".
func (c *conformer) at(path string) interface{} {
	names := strings.Split(path, ".")
	value := c.values[names[0]]
	for _, name := range names[1:] {
		switch v := value.(type) {
		case map[string]interface{}:
			value = v[name]
		case []interface{}:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(v) {
				c.Fatalf("%s is not there", path)
			}
			value = v[i]
		}
	}
	return value
}

// matches says how a value differs from what was expected; "" when it does not.
func matches(want, got interface{}) string {
	switch w := want.(type) {
	case map[string]interface{}:
		if len(w) == 1 {
			for key, operand := range w {
				if strings.HasPrefix(key, "$") {
					return matcher(key, operand, got)
				}
			}
		}
		g, ok := got.(map[string]interface{})
		if !ok {
			return fmt.Sprintf("%s is no object", show(got))
		}
		for key := range w {
			member, there := g[key]
			if !there {
				return key + " is missing"
			}
			if problem := matches(w[key], member); problem != "" {
				return key + ": " + problem
			}
		}
		return ""
	case []interface{}:
		g, ok := got.([]interface{})
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is no list of %d", show(got), len(w))
		}
		for i := range w {
			if problem := matches(w[i], g[i]); problem != "" {
				return fmt.Sprintf("%d: %s", i, problem)
			}
		}
		return ""
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Sprintf("%s is not %s", show(got), show(want))
	}
	return ""
}

func matcher(name string, operand, got interface{}) string {
	ok := false
	switch name {
	case "$int":
		ok = got == json.Number(operand.(string))
	case "$only":
		g, is := got.(map[string]interface{})
		if ok = is && len(g) == len(operand.(map[string]interface{})); ok {
			return matches(operand, got)
		}
	case "$set":
		return matchSet(operand.([]interface{}), got)
	case "$is":
		ok = isKindOfValue(operand.(string), got)
	}
	if !ok {
		return fmt.Sprintf("%s does not match %s %s", show(got), name, show(operand))
	}
	return ""
}

func matchSet(want []interface{}, got interface{}) string {
	left, ok := got.([]interface{})
	if !ok || len(left) != len(want) {
		return fmt.Sprintf("%s is no list of %d", show(got), len(want))
	}
	left = append([]interface{}{}, left...)
	for _, w := range want {
		found := -1
		for i := range left {
			if matches(w, left[i]) == "" {
				found = i
			}
		}
		if found < 0 {
			return show(w) + " is missing"
		}
		left = append(left[:found], left[found+1:]...)
	}
	return ""
}

func isKindOfValue(kind string, got interface{}) bool {
	text, _ := got.(string)
	number, _ := got.(json.Number)
	n, _ := number.Int64()
	switch kind {
	case "digest":
		return len(text) == 71 && strings.HasPrefix(text, "sha256:") && strings.Trim(text[7:], "0123456789abcdef") == ""
	case "recent":
		age := time.Since(time.Unix(0, n*int64(time.Millisecond)))
		return age > -time.Minute && age < time.Hour
	case "positive":
		return n > 0
	case "string":
		return text != ""
	}
	return false
}

// plain turns a result into what JSON would be decoded to, with integers as they are.
func plain(value interface{}) interface{} {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return decode(text)
}

func decode(text []byte) interface{} {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber()
	var value interface{}
	if err := decoder.Decode(&value); err != nil {
		panic(err)
	}
	return value
}

func show(value interface{}) string {
	text, _ := json.Marshal(value)
	return string(text)
}

func mapOrNil(m map[string]interface{}) interface{} {
	if m == nil {
		return map[string]interface{}{}
	}
	return m
}
