package domain

import "strings"

// Choices says for people which words there are, and which of them was probably
// meant by one that is not among them.
func Choices(known []string, unknown string) string {
	text := "there are " + strings.Join(known, ", ")
	if nearest := Nearest(unknown, known); nearest != "" {
		text += "; did you mean " + nearest + "?"
	}
	return text
}

// maxMeant bounds what Nearest looks at, in bytes: no key or setting is longer.
const maxMeant = 64

// Nearest returns the known word that was probably meant by one that is not
// known: the one with the fewest typing errors, if they are few for its length,
// or else the only one that begins so. It is empty if no word is near.
func Nearest(word string, known []string) string {
	if len(word) > maxMeant {
		return ""
	}
	nearest, fewest := "", len(word)/3+1
	longer := []string{}
	for _, candidate := range known {
		if errors := typingErrors(word, candidate); errors < fewest {
			nearest, fewest = candidate, errors
		}
		if len(word) > 3 && strings.HasPrefix(candidate, word) {
			longer = append(longer, candidate)
		}
	}
	if nearest == "" && len(longer) == 1 {
		return longer[0]
	}
	return nearest
}

// typingErrors counts how many letters must be put in, left out, changed or
// swapped with their neighbour to make one word of another, each letter touched
// once (the optimal string alignment distance).
func typingErrors(from, to string) int {
	var before []int
	last := make([]int, len(to)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(from); i++ {
		row := make([]int, len(to)+1)
		row[0] = i
		for j := 1; j <= len(to); j++ {
			change := last[j-1]
			if from[i-1] != to[j-1] {
				change++
			}
			row[j] = min(last[j]+1, row[j-1]+1, change)
			if i > 1 && j > 1 && from[i-1] == to[j-2] && from[i-2] == to[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(to)]
}
