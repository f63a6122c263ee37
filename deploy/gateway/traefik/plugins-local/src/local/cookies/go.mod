module local/cookies

go 1.21
